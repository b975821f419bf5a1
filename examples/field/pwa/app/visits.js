// The visits as the phone knows them: the server's copy, and on top what the person has done
// that the server has not said its last word on.
import * as store from './store.js'
import { fetchApi, partition } from './auth.js'
import { newer } from './copy.js'
import { fetchNew as fetchReminders } from './reminders.js'

/** Calls `fn` on 'change'. */
export const on = store.on

const PENDING = new Set(['waiting', 'sending', 'accepted'])
const EFFECTS = {
  'visit.start': (v) => { v.status = 'Working' },
  finish: (v) => Object.assign(v, { status: 'Done', state: 'Completed' }),
  reopen: (v) => { if (v.state === 'FirmPlanned') v.status = 'Working' }, // what is released stays so
  note: (v, c) => { v.notes = c.body.text },
  sign: (v, c) => { v.receiver = c.body.name },
  'service.add': (v, c, names) => v.services.push({ ...c.body, id: c.id, service: named(names?.services, c.body.service), pending: true }),
  'material.add': (v, c, names) => v.materials.push({ ...c.body, id: c.id, product: named(names?.products, c.body.product), unit: unitOf(names?.products, c.body.product), pending: true }),
  'file.attach': (v, c) => v.files.push({ id: c.id, name: c.body.name, media_type: c.file?.type, bytes: c.file?.bytes, purpose: c.body.purpose, external_id: c.id, pending: true }),
}
const find = (list, id) => list?.find((x) => x.id === id)
const named = (list, id) => ({ id, name: find(list, id)?.name ?? id })
const unitOf = (list, id) => find(list, id)?.unit ?? ''

/** A visit as it will be when all that waits has been done; `pending` says how much waits. */
export function applied(visit, commands, catalogue) {
  const v = { ...visit, services: [...visit.services ?? []], materials: [...visit.materials ?? []], files: [...visit.files ?? []], history: visit.history ?? [], pending: 0 }
  for (const c of commands.filter((c) => c.visit === v.id && c.state !== 'done').sort((a, b) => a.n - b.n)) {
    v.pending++
    if (PENDING.has(c.state) && !v.files.some((f) => f.external_id === c.id)) EFFECTS[c.type]?.(v, c, catalogue)
  }
  return v
}

/**
 * All visits, the earliest first: `{asOf, visits}`; `asOf` is when the server had them so,
 * null until the phone has all that it needs without network.
 */
export async function all() {
  const db = await partition()
  if (!db) return { asOf: null, visits: [] }
  const [visits, commands, names, asOf] = await Promise.all([db.all('visits'), db.all('commands'), catalogue(), db.value('asOf')])
  const order = (v) => `${v.day} ${v.start ?? ''} ${v.number}`
  return { asOf: asOf ?? null, visits: visits.map((v) => applied(v, commands, names)).sort((a, b) => (order(a) < order(b) ? -1 : 1)) }
}

/** One visit, or null. */
export async function get(id) {
  const db = await partition()
  const visit = await db?.get('visits', id)
  return visit ? applied(visit, await db.all('commands'), await catalogue()) : null
}

/** Services and products: `{as_of, services, products}`, as far as the phone has them. */
export async function catalogue() {
  return await (await partition())?.value('catalogue') ?? { services: [], products: [] }
}

let refreshing
/** Fetches what is new, reminders too where they come; without network it throws and all stays
 * as it is. */
export function refresh() {
  refreshing ??= fetchAll().finally(() => { refreshing = undefined })
  return refreshing
}

async function fetchAll() {
  const db = await partition()
  if (!db) return
  const list = await newer(db, 'visits')
  if (list) {
    await keep(db, list.value.visits)
    store.changed()
  }
  const names = await newer(db, 'catalogue')
  if (names) {
    await db.write(['meta'], ({ meta }) => meta.put({ key: 'catalogue', value: names.value }))
    await names.keep()
  }
  await details(db)
  if (list) { // only now is there enough to leave the network
    await db.set('asOf', list.value.as_of)
    await list.keep()
  }
  store.changed()
  await fetchReminders(db).then(store.changed, (error) => console.warn('reminders:', error.message)) // with the next refresh
}

// The list is what there is; a visit that something waits for stays until that is decided.
const keep = (db, visits) => db.write(['visits', 'commands'], async (s) => {
  const known = new Map((await s.visits.all()).map((v) => [v.id, v]))
  const waits = new Set((await s.commands.all()).filter((c) => c.state !== 'done').map((c) => c.visit))
  for (const v of visits) {
    const before = known.get(v.id)
    known.delete(v.id)
    if ((before?.version ?? 0) > v.version) continue // an answer to a command was newer than the server's copy
    await s.visits.put({ ...before, ...v, history: before?.history ?? v.history, files: before?.files ?? v.files })
  }
  for (const id of known.keys()) if (!waits.has(id)) await s.visits.delete(id)
})

// The history and files of today's and tomorrow's visits are fetched ahead: in the valley
// there is nobody to ask.
async function details(db) {
  const until = new Date(Date.now() + 2 * 86_400_000).toISOString().slice(0, 10)
  for (const v of await db.all('visits')) {
    if (v.detailed === v.version || v.day > until) continue
    const answer = await fetchApi(`visits/${v.id}`, { owner: db })
    if (!answer.ok) continue
    const visit = await answer.json()
    await db.write(['visits'], ({ visits }) => visits.put({ ...v, ...visit, detailed: visit.version }))
  }
}
