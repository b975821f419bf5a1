// This phone: its room, its version, and whether it is to forget everything.
import * as store from './store.js'
import { clear, fetchApi, fetchOpen, partition, session, settings, SignInNeeded, skew } from './auth.js'
import { deviceOf, secretOf, sha256 } from './ids.js'
import { summary } from './queue.js'

/** Calls `fn` on 'change'. */
export const on = store.on

const EVERY = 5 * 60_000 // ms between two words to the server
const AGAIN = 2_000 // ms until what was not heard is said once more
let updateWaiting = false

const name = () => {
  const { platform, brands = [] } = navigator.userAgentData ?? {}
  const browser = brands.map((b) => b.brand).find((b) => !/not.?a.?brand/i.test(b)) ?? navigator.userAgent.match(/(Firefox|Safari)/)?.[1] ?? 'Browser'
  return `${browser}, ${platform || navigator.platform || 'unknown'}`.slice(0, 100)
}

/** `{id, name, used, quota, persisted, version, updateWaiting, keptUntil}`: bytes, and the
 * time (ms) at which what is kept is deleted if the server is not heard until then. */
export async function info() {
  const db = await partition()
  const { usage = 0, quota = 0 } = await navigator.storage?.estimate?.() ?? {}
  const contact = (await store.people())[(await session())?.id]
  return {
    id: db && await deviceOf(db), name: name(), used: usage, quota, persisted: await navigator.storage?.persisted?.() ?? false,
    version: (await settings()).version, updateWaiting, keptUntil: contact ? contact + store.KEEP - skew() : null,
  }
}

/** Asks the browser to keep the data when room gets scarce; answers whether it will. */
export const persist = async () => await navigator.storage?.persist?.() ?? false

// What is asked and told without a sign-in: by the phone's secret. No answer is not a no.
const proofOf = async (user, db) => ({ user, device: await deviceOf(db), secret: await secretOf(db) })
async function wish(ask) {
  const answer = await fetchOpen('wish', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(ask) })
  if (!answer.ok) throw new Error(`the server answers ${answer.status}`)
  return (await answer.json()).wipe === true
}

/** Tells the server how the phone is, and deletes what is kept of a person when the server says
 * so: also where that one may not sign in any more, as of a phone that was stolen, or has left
 * something sealed and somebody else is signed in. What is too old goes, too. */
export async function report() {
  const user = await (await store.phone()).value('current')
  try {
    if (user) await reportOwn(user)
  } finally {
    for (const [other, contact] of Object.entries(await store.people())) if (other !== user) await lookAfter(other, contact)
    await store.forgetOld()
  }
}

async function lookAfter(user, contact) {
  const db = await store.open(user)
  if (!db) return store.strike(user, contact) // forgotten, and the list did not come to know
  if (!await db.value('wish')) return // the server has never heard of that secret
  if (await wish(await proofOf(user, db)).catch(() => false)) await erase(user)
}

/** Deletes what is too old, at the start of the app. The server is asked first: with a clock
 * that was just put right, or wrong, it may be of yesterday. */
export async function forgetOld() {
  if ((await store.old()).length) await report().catch(() => {})
}

async function reportOwn(user) {
  const db = await store.open(user)
  if (!db) return
  const id = await deviceOf(db)
  const { used, quota } = await info()
  const { commands, files } = await summary()
  const wishKey = await sha256(new Blob([await secretOf(db)]))
  try {
    const answer = await fetchApi(`devices/${id}`, {
      owner: db, method: 'PUT', headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ name: name(), storage_used: used, storage_quota: quota, waiting: commands + files, wish_key: wishKey }),
    })
    if (answer.ok && (await answer.json()).wipe) await erase(user)
  } catch (error) {
    if (!(error instanceof SignInNeeded)) throw error
    if (await wish(await proofOf(user, db))) await erase(user)
  }
}

// Deletes what is kept of a person, sent or not, and then tells the server that it is done: it
// tries twice, as the secret is gone with the rest.
async function erase(user) {
  const db = await store.open(user)
  if (!db) return
  const tell = wish.bind(null, { ...await proofOf(user, db), gone: true })
  await clear(user)
  await tell().catch(() => new Promise((ok) => setTimeout(ok, AGAIN)).then(tell)).catch(() => {})
}

/** Reports now, when the app comes to the front, and every five minutes while it is there. */
export function start() {
  const now = () => document.visibilityState === 'visible' && report().catch(() => {})
  document.addEventListener('visibilitychange', now)
  addEventListener('online', now)
  setInterval(now, EVERY)
  now()
}

// The one policy for scripts of the page: its own service worker, in its two forms.
const policy = self.trustedTypes?.createPolicy('field', {
  createScriptURL: (url) => {
    if (url !== '/sw.js' && url !== '/sw-sync.js') throw new TypeError('no script but the service worker')
    return url
  },
})
const script = (url) => policy?.createScriptURL(url) ?? url

/** Registers the service worker; where the system can wake it, the form that also sends. */
export async function install() {
  if (!navigator.serviceWorker) return
  let controlled = Boolean(navigator.serviceWorker.controller) // the first one changes nothing
  navigator.serviceWorker.addEventListener('controllerchange', () => {
    if (controlled) location.reload()
    controlled = true
  })
  const registration = await ('SyncManager' in self
    ? navigator.serviceWorker.register(script('/sw-sync.js'), { type: 'module' })
    : navigator.serviceWorker.register(script('/sw.js')))
  const look = () => {
    const waits = Boolean(registration.waiting && navigator.serviceWorker.controller)
    if (waits === updateWaiting) return
    updateWaiting = waits
    store.changed()
  }
  registration.addEventListener('updatefound', () => registration.installing?.addEventListener('statechange', look))
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && registration.update().catch(() => {}))
  look()
}

/** Lets the waiting version take over, once nothing is being sent; the page then loads again. */
export async function applyUpdate() {
  (await navigator.serviceWorker?.getRegistration())?.waiting?.postMessage('take over')
}
