// What the phone keeps, in IndexedDB: one database for each person, and one for the phone
// itself, which has no more than who is signed in and a sign-in that is under way. Nobody
// reads another's database, and it goes as a whole.

/** The stores of a person, with the key of each. `files` has blobs, by their command. */
const STORES = { visits: 'id', commands: 'id', files: 'id', meta: 'key' }
const opened = new Map()
const NAME = 'field'

/** The server's time in ms, as far as the phone knows it: auth.js learns it from answers. */
export const now = () => Date.now() + (self.fieldSkew ?? 0)

const asPromise = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result)
  request.onerror = () => reject(request.error)
})

// A database that is not there is made at a sign-in alone; others learn that by an Absent.
class Absent extends Error { name = 'Absent' }

function connect(name, make) {
  const request = indexedDB.open(name, 1)
  let absent = false
  request.onupgradeneeded = () => {
    absent = !make
    if (absent) return request.transaction.abort() // and nothing is made
    for (const [store, keyPath] of Object.entries(STORES)) request.result.createObjectStore(store, { keyPath })
  }
  return asPromise(request).catch((error) => { throw absent ? new Absent(name) : error }).then((db) => {
    db.onversionchange = () => { db.close(); opened.delete(name) } // another tab deletes it
    return new Database(name, db)
  })
}

/** A database: reads and writes of one store, or several steps in one transaction. */
export class Database {
  constructor(name, db) { this.name = name; this.db = db }

  /** Runs `work(stores)` in one transaction, and answers what it answers when all is kept. */
  async run(names, mode, work) {
    const tx = this.db.transaction(names, mode)
    const done = new Promise((resolve, reject) => {
      tx.oncomplete = resolve
      tx.onabort = () => reject(tx.error ?? new DOMException('the transaction was ended', 'AbortError'))
    })
    const stores = Object.fromEntries(names.map((n) => [n, {
      get: (key) => asPromise(tx.objectStore(n).get(key)), all: () => asPromise(tx.objectStore(n).getAll()),
      put: (value) => asPromise(tx.objectStore(n).put(value)), delete: (key) => asPromise(tx.objectStore(n).delete(key)),
      clear: () => asPromise(tx.objectStore(n).clear()),
    }]))
    try {
      const result = await work(stores)
      await done
      return result
    } catch (error) {
      done.catch(() => {})
      try { tx.abort() } catch { /* it has ended by itself */ }
      throw error
    }
  }

  get(store, key) { return this.run([store], 'readonly', (s) => s[store].get(key)) }
  all(store) { return this.run([store], 'readonly', (s) => s[store].all()) }
  put(store, value) { return this.write([store], (s) => s[store].put(value)) }
  delete(store, key) { return this.run([store], 'readwrite', (s) => s[store].delete(key)) }

  /** Writes, and where the phone is full makes room by what is at the server already, the
   * oldest first. What has not been sent is never touched: then the writing fails, with the
   * name QuotaExceededError. */
  async write(names, work) {
    for (;;) {
      try {
        return await this.run(names, 'readwrite', work)
      } catch (error) {
        if (error?.name !== 'QuotaExceededError' || !await this.makeRoom()) throw error
      }
    }
  }

  /** Deletes the oldest thing that the server has: a sent file, a sent command, a visit that
   * nothing waits for and that is over. Answers whether there was one. Visits that can still be
   * worked on stay: they are small, and without network nobody can be asked for them. */
  makeRoom() {
    return this.run(['visits', 'commands', 'files'], 'readwrite', async (s) => {
      const [commands, files, visits] = await Promise.all([s.commands.all(), s.files.all(), s.visits.all()])
      const sent = commands.filter((c) => c.state === 'done').sort((a, b) => a.n - b.n)
      const file = sent.find((c) => files.some((f) => f.id === c.id))
      if (file) return s.files.delete(file.id).then(() => true)
      if (sent.length) return s.commands.delete(sent[0].id).then(() => true)
      const needed = new Set(commands.map((c) => c.visit)), over = new Date(now() - 2 * 86_400_000).toISOString().slice(0, 10)
      const visit = visits.filter((v) => !needed.has(v.id) && v.day < over).sort((a, b) => (a.day < b.day ? -1 : 1))[0]
      return visit ? s.visits.delete(visit.id).then(() => true) : false
    })
  }

  /** A value of `meta`, or undefined. */
  async value(key) { return (await this.get('meta', key))?.value }
  set(key, value) { return this.put('meta', { key, value }) }
}

function database(name, make) {
  const db = connect(name, make).catch((e) => { opened.delete(name); throw e })
  opened.set(name, db)
  return db
}

/** The phone's own database: of `meta` alone. */
export const phone = () => opened.get(NAME) ?? database(NAME, true)

/** The database of a person, by the id of the account, or null where there is none: what is
 * under way while a person is forgotten makes none anew. @param {string} userId */
export async function open(userId) {
  const name = `${NAME} ${userId}`
  try {
    return await (opened.get(name) ?? database(name, false))
  } catch (error) {
    if (error instanceof Absent) return null
    throw error
  }
}

/** The database of somebody who signs in, made where there is none. @param {string} userId */
export const make = async (userId) => await open(userId) ?? database(`${NAME} ${userId}`, true)

async function remove(name) {
  const db = await opened.get(name)?.catch(() => undefined)
  db?.db.close()
  opened.delete(name)
  await asPromise(indexedDB.deleteDatabase(name))
}

/** For how long data stay without a word from the server, in ms. */
export const KEEP = 14 * 24 * 60 * 60 * 1000

/** The people of this phone, with the server's time of the last contact of each (ms). */
export const people = async () => await (await phone()).value('people') ?? {}

/** The ids of people that have not been in contact for KEEP; where the phone's clock and what
 * it knows of the server's disagree, by the one that says so later. */
export async function old() {
  const at = Math.min(Date.now(), now())
  return Object.entries(await people()).filter(([, contact]) => at - contact >= KEEP).map(([userId]) => userId)
}

/** Deletes what is kept of them, so that a phone that was lost forgets. */
export async function forgetOld() {
  for (const userId of await old()) await forget(userId)
}

const change = async (fn) => (await phone()).run(['meta'], 'readwrite', async ({ meta }) => {
  const people = (await meta.get('people'))?.value ?? {}
  await fn(people, meta)
  await meta.put({ key: 'people', value: people })
})

/** Notes who is signed in. */
export const welcome = (userId) => change((people, meta) => {
  people[userId] = now()
  return meta.put({ key: 'current', value: userId })
})

/** Takes somebody off the list of whom nothing is kept, unless they have signed in meanwhile. */
export const strike = (userId, contact) => change(async (people, meta) => {
  if (people[userId] === contact && (await meta.get('current'))?.value !== userId) delete people[userId]
})

/** Notes that the server has answered a person. */
export const contact = (userId, at = now()) => change((people) => { if (userId in people) people[userId] = at })

/** Deletes all that is kept of a person. First nobody is signed in; last the list forgets it,
 * in case that we are killed. */
export async function forget(userId) {
  await change(async (_, meta) => { if ((await meta.get('current'))?.value === userId) await meta.delete('current') })
  await remove(`${NAME} ${userId}`)
  await change((people) => { delete people[userId] })
}

// Tabs and the service worker tell each other what has changed.
const channel = new BroadcastChannel(NAME)
const listeners = new Set()
channel.onmessage = () => listeners.forEach((fn) => fn())

/** Calls `fn` when what is kept has changed, here or in another tab. */
export function on(event, fn) { if (event === 'change') listeners.add(fn) }

/** Says that something has changed. */
export function changed() {
  listeners.forEach((fn) => fn())
  channel.postMessage('changed')
}
