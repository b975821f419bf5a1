// What the person was told: the server's copy, and what of it was read since, of which the
// server hears when there is network.
import * as store from './store.js'
import { fetchApi, partition } from './auth.js'
import { newer } from './copy.js'

/** Calls `fn` on 'change'. */
export const on = store.on

const TOLD = 'reminders', READ = 'reminders read'
const AT_ONCE = 100 // ids that the server takes

/** What was not read yet, the newest first: `[{id, text, visit, at}]`; `visit` is empty for
 * one of a whole day. */
export async function unread() {
  const db = await partition()
  const [told, read] = db ? await Promise.all([db.value(TOLD), db.value(READ)]) : []
  return (told ?? []).filter((r) => !r.read && !read?.includes(r.id))
}

/** Notes that one was read, with or without network. */
export async function read(id) {
  const db = await partition()
  if (!db) return
  await db.write(['meta'], async ({ meta }) => {
    const before = (await meta.get(READ))?.value ?? []
    await meta.put({ key: READ, value: [...before.filter((r) => r !== id), id] })
  })
  store.changed()
  tell(db).catch(() => {}) // the next fetch says it again
}

// Says what was read. Where the server does not want to know, nothing is lost.
async function tell(db) {
  const ids = (await db.value(READ) ?? []).slice(0, AT_ONCE)
  if (!ids.length) return
  const answer = await fetchApi('reminders/read', { owner: db, method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ reminders: ids }) })
  if (!answer.ok) return
  await db.write(['meta'], async ({ meta }) => {
    const [told, read] = await Promise.all([meta.get(TOLD), meta.get(READ)])
    await meta.put({ key: TOLD, value: (told?.value ?? []).map((r) => (ids.includes(r.id) ? { ...r, read: true } : r)) })
    await meta.put({ key: READ, value: (read?.value ?? []).filter((id) => !ids.includes(id)) })
  })
}

/** Says what was read, and fetches what is new. @param {store.Database} db */
export async function fetchNew(db) {
  await tell(db).catch(() => {}) // the next fetch says it again
  const list = await newer(db, 'reminders')
  if (!list) return
  await db.set(TOLD, list.value)
  await list.keep()
}
