// Who is signed in, and calls with that person's token. The key that tokens are bound to and
// the refresh token are in the person's database; the key cannot be read out by any script.
// No network is never a sign-out: only the identity server's word ends a sign-in.
import { UserManager } from './vendor/oidc-client.js'
import * as store from './store.js'

/** How long a call may take, in ms, and how early a token is renewed, in s. */
const PATIENCE = 30_000
const EARLY = 60
const LATELY = 5 * 60_000 // ms
const SCOPE = 'openid profile offline_access visits'

let configured
/** The settings of this installation: `{issuer, client_id, resource}`. */
export function settings() {
  configured ??= fetch('/config.json').then((r) => r.json()).catch((e) => { configured = undefined; throw e })
  return configured
}

// What oidc-client-ts keeps, in one of our databases.
const kept = (db, prefix) => ({
  get: async (key) => (await db.value(prefix + key)) ?? null,
  set: (key, value) => db.set(prefix + key, value),
  remove: async (key) => {
    const value = await db.value(prefix + key)
    await db.delete('meta', prefix + key)
    return value ?? null
  },
  getAllKeys: async () => (await db.all('meta')).map((row) => row.key).filter((k) => k.startsWith(prefix)).map((k) => k.slice(prefix.length)),
})

const managers = new Map()
async function manager(db) {
  const { issuer, client_id, resource } = await settings()
  if (managers.get(db.name)?.db !== db) {
    managers.set(db.name, { db, manager: new UserManager({
      authority: issuer, client_id, resource, scope: SCOPE, redirect_uri: `${location.origin}/callback`,
      dpop: { bind_authorization_code: true, store: kept(db, 'key ') }, userStore: kept(db, 'user '), stateStore: kept(db, 'state '),
      automaticSilentRenew: false, monitorSession: false, requestTimeoutInSeconds: PATIENCE / 1000,
    }) })
  }
  return managers.get(db.name).manager
}

// How far the server's clock is before the phone's, in ms; the answers of the API tell it.
const skewed = (async () => { self.fieldSkew = await (await store.phone()).value('skew') ?? 0 })().catch(() => {})
let heardAt = 0 // by the phone's clock, on this page
async function learnSkew(answer) {
  const date = Date.parse(answer.headers.get('Date') ?? '')
  if (!date) return
  heardAt = Date.now()
  const skew = date + 500 - Date.now() // Date has whole seconds
  if (!(Math.abs(skew - (self.fieldSkew ?? 0)) > 2000)) return
  self.fieldSkew = Math.abs(skew) > 2000 ? Math.round(skew) : 0
  await (await store.phone()).set('skew', self.fieldSkew)
}

/** Server's time less the phone's, in ms. */
export const skew = () => self.fieldSkew ?? 0

/** Calls the API without a token. */
export async function fetchOpen(path, init) {
  await skewed
  const answer = await fetch(new URL(path, (await settings()).resource), { cache: 'no-store', credentials: 'omit', redirect: 'error', signal: AbortSignal.timeout(PATIENCE), ...init })
  await learnSkew(answer)
  return answer
}

/** Asks the server what time it is, where it has not said so lately: the phone's clock may have
 * been put right meanwhile, or wrong. */
export async function askClock() {
  await skewed
  if (Math.abs(Date.now() - heardAt) > LATELY) await fetchOpen('me')
}

/** Leads to the identity server. Without network it throws, and nothing is lost. */
export async function signIn() {
  const db = await store.phone()
  await fetchOpen('me') // the time of the first proofs
  const m = await manager(db)
  await m.removeUser() // a key of its own for each sign-in
  await m.clearStaleState()
  await m.signinRedirect()
}

/** Ends a sign-in, on /callback: token and key go to the database of who signed in. What
 * somebody else has left in his stays there, sealed until he comes back. */
export async function finishSignIn() {
  const db = await store.phone()
  await skewed
  const m = await manager(db)
  try {
    const user = await m.signinRedirectCallback()
    const { client_id } = await settings()
    const id = user.profile.id ?? user.profile.sub
    const own = await store.make(id)
    await kept(own, 'key ').set(client_id, await kept(db, 'key ').get(client_id))
    await (await manager(own)).storeUser(user)
    await own.set('session', { id, login: user.profile.sub, name: user.profile.name ?? user.profile.sub, expired: false })
    await store.welcome(id)
  } finally {
    await m.removeUser()
    history.replaceState(null, '', '/')
  }
  store.changed()
}

/** The database of who is signed in, or null. */
export async function partition() {
  const id = await (await store.phone()).value('current')
  return id ? store.open(id) : null
}

/** Who is signed in: `{id, name, login, expired}`, or null. `expired` says that the identity
 * server wants to see the person again; what is kept stays, and so does what waits. */
export async function session() {
  return (await (await partition())?.value('session')) ?? null
}

async function setExpired(db, expired) {
  const session = await db.value('session')
  if (!session || session.expired === expired) return
  await db.set('session', { ...session, expired })
  store.changed()
}

/** Ends the session on this phone and deletes what is kept of the person. While something
 * waits to be sent it is refused, with `{waiting: n}`, unless forced. */
export async function signOut({ force = false } = {}) {
  const user = await (await store.phone()).value('current') // while the server is told, somebody else may come
  if (!user) return {}
  const db = await store.open(user)
  if (!db) return {}
  const waiting = (await db.all('commands')).filter((c) => c.state !== 'done').length
  if (waiting && !force) return { waiting }
  const device = await db.value('device')
  if (device) await fetchApi(`devices/${device}`, { owner: db, method: 'DELETE' }).catch(() => {})
  await (await manager(db)).revokeTokens(['refresh_token']).catch(() => {}) // without network it ends by itself in a day
  await clear(user)
  return {}
}

/** Deletes what is kept of a person. */
export async function clear(userId) {
  managers.delete((await store.open(userId))?.name)
  await store.forget(userId)
  store.changed()
}

// The identity server's errors that no later try will mend.
const FINAL = new Set(['invalid_grant', 'invalid_client', 'unauthorized_client', 'invalid_scope', 'invalid_target', 'access_denied'])
function wordOf(error) {
  if (error?.error) return error.error
  try { return JSON.parse(error.message).error } catch { return undefined } // a refusal that came with a nonce
}

/** Thrown where the person has to sign in again. */
export class SignInNeeded extends Error { name = 'SignInNeeded' }

// The person's token, renewed when it ends soon or when it is the one that was refused. One
// tab at a time: a refresh token is used once.
function token(db, m, refused) {
  return navigator.locks.request(`field-renew ${db.name}`, async () => {
    const user = await m.getUser()
    if (!user?.refresh_token) throw new SignInNeeded()
    const good = () => user.access_token !== refused && user.expires_in > EARLY
    if (good()) return user
    await askClock() // a proof of another time would be refused, again and again
    if (good()) return user
    try {
      const renewed = await m.signinSilent({ resource: (await settings()).resource })
      await setExpired(db, false)
      return renewed
    } catch (error) {
      if (!FINAL.has(wordOf(error))) throw error
      await setExpired(db, true)
      throw new SignInNeeded(wordOf(error), { cause: error })
    }
  })
}

let nonce // the API's last one
/** Calls the API with the person's token and a proof for this call. `path` is below the
 * resource, `owner` the database of the person for whom it is: what is theirs goes out under
 * nobody else's name. A refused token is renewed once. Throws SignInNeeded, also where
 * somebody else has signed in meanwhile, or what fetch throws. */
export async function fetchApi(path, { owner, ...init } = {}) {
  await skewed
  const db = await partition()
  if (!db || (owner && owner.name !== db.name)) throw new SignInNeeded()
  const m = await manager(db)
  const url = new URL(path, (await settings()).resource)
  if (url.origin !== new URL((await settings()).resource).origin) throw new TypeError('the token is for the API alone')
  const send = async (user) => {
    const headers = new Headers(init.headers)
    headers.set('Authorization', `DPoP ${user.access_token}`)
    headers.set('DPoP', await m.dpopProof(url.origin + url.pathname, user, init.method ?? 'GET', nonce))
    if (self.document?.documentElement.lang) headers.set('Accept-Language', document.documentElement.lang)
    const answer = await fetch(url, { ...init, headers, cache: 'no-store', credentials: 'omit', redirect: 'error', signal: init.signal ?? AbortSignal.timeout(PATIENCE) })
    nonce = answer.headers.get('DPoP-Nonce') ?? nonce
    await learnSkew(answer)
    return answer
  }
  const wrongClock = () => Math.abs(skew() - before) > 2000
  const before = skew()
  let user = await token(db, m)
  let answer = await send(user)
  if (answer.status === 401 && (wrongClock() || answer.headers.get('WWW-Authenticate')?.includes('use_dpop_nonce'))) answer = await send(user)
  if (answer.status === 401) {
    user = await token(db, m, user.access_token)
    answer = await send(user)
  }
  if (answer.status !== 401 && answer.status < 500) await met(db)
  return answer
}

// A day is enough to say that the phone is in contact.
const lastContact = new Map() // by a clock that nobody puts right
async function met(db) {
  const { id } = await db.value('session') ?? {}
  if (!id || performance.now() - (lastContact.get(id) ?? -Infinity) < 60_000) return
  lastContact.set(id, performance.now())
  await store.contact(id)
}

/** Calls `fn` on 'change'. */
export const on = store.on
