// The queue: what a person did, kept until the server has given its final answer.
//
// A command is written down with an id of its own, its idempotency key, before anything else
// happens. It gets its number (seq) and its exact text when it is first sent, and both never
// change: sent again, it is the same, and the server does it once. Commands go one by one;
// files go beside them, two at a time, and their commands when they have arrived. What is
// refused holds back its visit until the person decides, and nothing else. The server holds
// what it had received behind such a one: it comes back here, and waits like the rest.
import * as store from './store.js'
import { askClock, fetchApi, partition, session, SignInNeeded, skew } from './auth.js'
import { deviceOf, sha256, uuid7 } from './ids.js'
import { Answer, upload } from './uploads.js'

const SCHEMA = 1
const MAX_FILE = 15 << 20 // bytes
const EVERY = 60_000 // ms between tries in front
const LONGEST = 120_000 // ms, of the waits that double
const HOUR = 60 * 60_000 // ms, the longest pause that a server gets
const FILES = 2 // at a time
const LOOKS = 10 // passes in which a file cannot be read, until the person is told
const KEEP_DONE = 24 * 60 * 60_000 // ms that a sent command stays listed
const OPEN = new Set(['waiting', 'sending'])
const SAME = 5_000 // ms by which times of two clocks may differ
const LOST = { status: 422, headers: new Headers() }
const STUCK = new Set(['refused', 'conflict'])

/** Calls `fn` on 'change'. */
export const on = store.on

const OF_TIME = new Set(['clock_ahead', 'too_old', 'wrong_day'])

const byOrder = (a, b) => a.n - b.n
const isFile = (c) => c.type === 'file.attach'

async function own() {
  const db = await partition()
  if (!db) throw new SignInNeeded()
  return db
}

// Reads `meta`, changes it and writes it, inside a transaction.
async function count(meta, key) {
  const value = ((await meta.get(key))?.value ?? 0) + 1
  await meta.put({ key, value })
  return value
}

// The phone's clock beside one that nobody puts right; that one begins anew with each page.
const clockNow = () => ({ page: performance.timeOrigin, drift: Date.now() - performance.now() })

// By how much a command's time is to be moved to be the server's, in ms, when the difference of
// today is known. Where it is another than was known when the command was kept, the phone's
// clock was put right before that or after; what was done lies between the server's last answer
// before it and now, and a clock that stood by the other one since was put right before.
function skewOf({ at, skew: then, after = -Infinity, clock }) {
  const today = skew(), latest = store.now(), t = Date.parse(at), { page, drift } = clockNow()
  if (clock?.page === page && Math.abs(clock.drift - drift) < SAME) return today
  const fits = (s) => t + s > after - SAME && t + s < latest + SAME
  return [then, today].find(fits) ?? Math.round(Math.min(Math.max(t + then, after), latest) - t)
}

/** Keeps a command, with its file where it has one, and answers it; sending follows by
 * itself. Throws QuotaExceededError where the phone is full of what has not been sent. */
export async function add(type, visit, body, { file } = {}) {
  if (file?.size > MAX_FILE) throw new RangeError('a file may have 15 MB at most: take a smaller picture')
  const db = await own()
  const now = Date.now()
  const seen = isFile({ type }) ? 0 : (await db.get('visits', visit))?.version ?? 0
  const after = (await store.people())[(await session())?.id]
  const command = { id: uuid7(now + skew()), type, visit, body, base: seen, at: new Date(now).toISOString(), skew: skew(), after, clock: clockNow(), state: 'waiting', error: null }
  if (file) {
    command.file = { name: body.name, type: file.type, bytes: file.size, sha256: await sha256(file), sent: 0 }
    command.body = { ...body, sha256: command.file.sha256, bytes: file.size }
  }
  await db.write(['commands', 'files', 'meta'], async ({ commands, files, meta }) => {
    command.n = await count(meta, 'n')
    await commands.put(command)
    if (file) await files.put({ id: command.id, blob: file })
  })
  store.changed()
  kick(db)
  return command
}

// Which commands may go now, in order; the one that has a number already is first, and alone.
export function ready(all) {
  const open = all.filter((c) => OPEN.has(c.state)).sort(byOrder)
  const accepted = new Set(all.filter((c) => c.state === 'accepted').map((c) => c.id))
  const numbered = open.find((c) => c.seq)
  const held = new Set(), filesOf = {}, go = [], blocked = new Set()
  for (const c of all.toSorted(byOrder)) {
    if (STUCK.has(c.state) || accepted.has(c.behind)) held.add(c.visit) // or what has become of that one is not known here yet
    const files = filesOf[c.visit] ??= []
    if (isFile(c) && (OPEN.has(c.state) || accepted.has(c.id))) files.push(c.id)
    if (!OPEN.has(c.state)) continue
    // A visit is finished with its files, and signed with the drawing.
    if (held.has(c.visit)) blocked.add(c.id)
    else if (c.type === 'finish' ? files.length : c.type === 'sign' && files.includes(c.body.upload)) held.add(c.visit)
    else go.push(c)
  }
  return { next: numbered ?? go.find((c) => !isFile(c)), files: go.filter(isFile), blocked }
}

const change = (db, id, fields) => db.run(['commands'], 'readwrite', async ({ commands }) => {
  const c = await commands.get(id)
  if (c) await commands.put(Object.assign(c, fields))
}).then(store.changed)

async function numbered(db, id) {
  const device = await deviceOf(db)
  return db.run(['commands', 'meta'], 'readwrite', async ({ commands, meta }) => {
    const c = await commands.get(id)
    if (!c.seq) {
      c.seq = await count(meta, 'seq')
      c.skew = skewOf(c)
      const { visit, type, base, at, skew, body } = c
      c.wire = JSON.stringify({ id, device, seq: c.seq, schema: SCHEMA, visit, type, base, at, skew, body: isFile(c) ? { upload: id, ...body } : body })
    }
    c.state = 'sending'
    await commands.put(c)
    return c
  })
}

async function send(db, id) {
  for (let again = true; ;) {
    await askClock()
    const c = await numbered(db, id)
    const answer = await fetchApi('commands', { owner: db, method: 'POST', body: c.wire, headers: { 'Idempotency-Key': id, 'Content-Type': 'application/json' } })
    const said = await answer.json().catch(() => undefined)
    if (said?.error !== 'out_of_order' || !again) return settle(db, id, answer, said)
    again = false
    await db.run(['commands', 'meta'], 'readwrite', async ({ commands, meta }) => {
      await meta.put({ key: 'seq', value: said.expected - 1 })
      await commands.put({ ...c, seq: undefined, wire: undefined })
    })
  }
}

// Takes an answer in. What is no answer of the API, or not a final one, is thrown: the
// command stays as it is and is sent again.
async function settle(db, id, answer, said) {
  const final = answer.status === 409 || answer.status === 422 || (answer.status >= 400 && answer.status < 500 && ![401, 408, 425, 429].includes(answer.status))
  const office = said?.office ?? said?.visit
  if (office?.id) await db.write(['visits'], async ({ visits }) => visits.put({ ...await visits.get(office.id), ...office }))
  if (answer.status === 200 && said?.state === 'done') return change(db, id, { state: 'done', doneAt: Date.now(), error: null })
  if (answer.status === 202 && said?.state === 'accepted') return change(db, id, { state: 'accepted', error: null })
  if (said?.error === 'held') return renew(db, id, said.behind)
  if (!final || !said?.error || said.error === 'out_of_order') throw new Answer(answer, said)
  return change(db, id, { state: said.error === 'conflict' ? 'conflict' : 'refused', error: said, office: said.office ?? null })
}

// A command that is sent once more is a new one: its key would get the old answer.
const fresh = (c) => ({ ...c, id: uuid7(Date.now() + skew()), seq: undefined, wire: undefined, state: 'waiting', error: null })

// Puts a new command where one is that the server has held, in its place behind the refused
// one. What became of that one is asked next.
async function renew(db, id, behind) {
  await db.run(['commands'], 'readwrite', async ({ commands }) => {
    const c = await commands.get(id)
    if (!c) return
    await commands.delete(id)
    await commands.put({ ...fresh(c), behind })
  })
  again = true
  store.changed()
}

// Asks what has become of what was received. What the server does not know any more is sent
// again, as it was.
async function poll(db) {
  for (const c of (await db.all('commands')).filter((c) => c.state === 'accepted').sort(byOrder)) {
    const answer = await fetchApi(`commands/${c.id}`, { owner: db })
    if (answer.status === 404) await change(db, c.id, { state: 'waiting' })
    else await settle(db, c.id, answer, await answer.json().catch(() => undefined))
  }
}

// Commands go one at a time, whoever has one to send, and only inside a pass; after a fault
// nothing more goes in it.
let line = null
const one = (work) => (line = line.then(work))
const commandsLane = (db) => one(async () => {
  for (let next; (next = ready(await db.all('commands')).next);) await send(db, next.id)
})

// The file of a command as it was kept. What a browser keeps, it may lose; that it cannot be
// read says no such thing: a phone in the background, or short of memory, can later.
class Unreadable extends Error { files = true }
async function whole(db, c) {
  const blob = (await db.get('files', c.id))?.blob
  const sum = blob && await sha256(blob).catch((error) => { throw new Unreadable(`the file cannot be read: ${error}`, { cause: error }) })
  if (sum !== c.file.sha256) throw new Answer(LOST, { error: 'lost', message: 'the file is not on the phone any more: take it once more' })
  return blob
}

async function fileLane(db, taken) {
  for (let failed; ;) {
    const c = ready(await db.all('commands')).files.find((f) => !taken.has(f.id))
    if (!c) {
      if (failed) throw failed
      return
    }
    taken.add(c.id)
    const note = (fields) => change(db, c.id, { file: Object.assign(c.file, fields) })
    try {
      await upload(db, c, () => whole(db, c), note)
    } catch (error) {
      if (error instanceof Unreadable) { // others may be read
        const unread = (c.file.unread ?? 0) + 1
        await note({ unread })
        if (unread < LOOKS) failed = error
        else await change(db, c.id, { state: 'refused', error: { error: 'unreadable', message: error.message } })
        continue
      }
      if (!(error instanceof Answer)) throw error
      if (error.status === 460) await note({ sent: 0 }) // it arrived damaged, and begins anew so often as the server lets it
      const final = [400, 403, 409, 413, 415, 422].includes(error.status) || error.error?.reason === 'checksum_final'
      if (!final || !error.error?.error) throw error.status === 401 ? error : Object.assign(error, { files: true })
      await change(db, c.id, { state: 'refused', error: error.error })
      continue
    }
    await one(() => send(db, c.id))
    await commandsLane(db)
  }
}

// A pause that the server asked for is kept by whoever wakes us; one for files is theirs alone.
const pauseOf = (files) => (files ? 'notBefore files' : 'notBefore')
async function pause(db, files = false) {
  const wait = (await db.value(pauseOf(files)) ?? 0) - Date.now()
  return wait > 0 && wait <= HOUR && Object.assign(new Error('the server asked for a pause'), { pause: wait, files })
}

async function filesLanes(db) {
  const paused = await pause(db, true)
  if (paused) {
    if (ready(await db.all('commands')).files.length) throw paused
    return
  }
  const taken = new Set()
  const lanes = await Promise.allSettled(Array.from({ length: FILES }, () => fileLane(db, taken)))
  const failed = lanes.filter((l) => l.status === 'rejected').map((l) => l.reason)
  if (failed.length) throw failed.find((error) => !error.files) ?? failed.find((error) => error instanceof Answer) ?? failed[0]
}

async function pass() {
  const db = await own()
  const paused = await pause(db)
  if (paused) throw paused
  await tidy(db)
  await db.set('lastTry', Date.now())
  line = Promise.resolve()
  try {
    await one(() => poll(db)) // nothing goes behind what may have been refused
    await commandsLane(db)
    await filesLanes(db)
  } catch (error) {
    const now = await partition()
    if (!now || now.name === db.name) throw error
    again = true // somebody else has signed in: theirs is next
  } finally {
    for (let end; end !== line;) await (end = line).catch(() => {})
    line = null
  }
}

const tidy = (db) => db.run(['commands', 'files'], 'readwrite', async ({ commands, files }) => {
  for (const c of await commands.all()) {
    if (c.state === 'done' && Date.now() - c.doneAt > KEEP_DONE) await Promise.all([commands.delete(c.id), files.delete(c.id)])
  }
})

let running, again = false, timer, failures = 0
/** Sends what can be sent, and what comes meanwhile, up to the very end of the pass. One tab
 * does at a time, and a new version of the app waits for it.
 * Answers the reason why it ended, or undefined: `offline`, `sign_in`, `busy`, and `files`
 * where it is for them alone that the server has no room. */
export function drain() {
  running ??= navigator.locks.request('field-send', async () => {
    do {
      again = false
      await pass()
    } while (again)
  }).then(() => undefined, reasonOf).then(after).finally(() => { running = undefined }).then((reason) => (again && (!reason || reason === 'files') ? drain() : reason))
  return running
}

function reasonOf(error) {
  if (error instanceof SignInNeeded || error?.status === 401) return { word: 'sign_in' }
  const word = error?.files ? 'files' : 'busy'
  if (error?.pause) return { word, wait: error.pause, kept: true, message: error.message }
  if (error instanceof Unreadable) return { word, message: error.message }
  if (error instanceof Answer) return { word, wait: Math.min(error.retryAfter * 1000, HOUR), message: error.message, said: error.error }
  return { word: 'offline', message: String(error) }
}

async function after(reason) {
  const db = await partition()
  if (!reason?.kept) failures = reason ? failures + 1 : 0 // nothing was tried in a pause
  if (!db) return reason?.word
  const files = reason?.word === 'files'
  const before = await db.value('lastError')
  await db.set('lastError', reason?.kept && before?.word === reason.word ? before : reason ?? null)
  await db.set(pauseOf(files), reason?.wait ? Date.now() + reason.wait : 0)
  const all = await db.all('commands')
  for (const c of all) if (c.state === 'sending') await change(db, c.id, { state: 'waiting' })
  const accepted = all.some((c) => c.state === 'accepted')
  clearTimeout(timer)
  if ((reason && reason.word !== 'sign_in') || accepted) {
    const wait = Math.max(files && accepted ? 0 : reason?.wait ?? 0, Math.min(LONGEST, 1000 * 2 ** Math.min(failures + (accepted ? 1 : 0), 7)))
    timer = setTimeout(drain, wait * (1 + Math.random() / 4))
  }
  if (reason?.word === 'offline') later()
  store.changed()
  return reason?.word
}

// The system wakes the service worker when there is network, where it can (Background Sync).
const later = () => self.navigator.serviceWorker?.ready.then((r) => r.sync?.register('field-send')).catch(() => {})

// There is something new: a pass that is under way takes it along.
function kick(db) {
  if (!running) return void drain()
  again = true
  if (line) commandsLane(db).catch(() => {}) // the pass meets the same fault
}

/** Starts sending, and tries again when there is network, when the app comes to the front,
 * and each minute while it is there. */
export function start() {
  const now = () => { failures = 0; drain() }
  addEventListener('online', now)
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && now())
  setInterval(() => document.visibilityState === 'visible' && drain(), EVERY)
  now()
}

/** What is kept, oldest first; `blocked` waits for the decision on an earlier one of its visit. */
export async function list() {
  const db = await partition()
  const all = (await db?.all('commands') ?? []).sort(byOrder)
  const { blocked } = ready(all)
  return all.map(({ id, seq, type, visit, state, error, office, at, body, file }) => ({
    id, seq, type, visit, error, office, at, body, state: blocked.has(id) ? 'blocked' : state,
    file: file && { name: file.name, type: file.type }, bytes: file?.bytes ?? 0, sent: state === 'done' ? file?.bytes ?? 0 : file?.sent ?? 0,
  }))
}

/** The kept file of a command, or null. */
export const blob = async (id) => (await (await partition())?.get('files', id))?.blob ?? null

/** What waits, in numbers. `bytes` are those that are still to be sent. */
export async function summary() {
  const db = await partition()
  const waiting = (await list()).filter((c) => c.state !== 'done')
  return {
    commands: waiting.filter((c) => !isFile(c)).length, files: waiting.filter(isFile).length, bytes: waiting.reduce((n, c) => n + c.bytes - c.sent, 0),
    lastTry: await db?.value('lastTry') ?? null, lastError: await db?.value('lastError') ?? null, online: navigator.onLine,
  }
}

// Puts a new command where one that was refused is; its key is new, or the answer would be
// the old one. What waits behind it has been seen with the office's values, too, also what the
// server has received and will hold; the text of what was sent stays as it was.
async function decide(id, replace) {
  const db = await own()
  await db.write(['commands', 'files', 'visits'], async ({ commands, files, visits }) => {
    const c = await commands.get(id)
    if (!c || !STUCK.has(c.state)) return
    const base = c.office?.version ?? (await visits.get(c.visit))?.version ?? c.base
    const made = replace && { ...fresh(c), office: null, base: isFile(c) ? 0 : base, skew: OF_TIME.has(c.error?.reason) ? skew() : c.skew }
    for (const w of await commands.all()) {
      if (w.visit !== c.visit || w.state === 'done' || STUCK.has(w.state)) continue
      if (c.office && !isFile(w)) w.base = Math.max(w.base, base)
      if (w.body.upload === id) w.body = { ...w.body, upload: made?.id ?? '' }
      await commands.put(w)
    }
    const kept = await files.get(id)
    await Promise.all([commands.delete(id), files.delete(id)])
    if (!made) return
    if (made.file) made.file = { ...made.file, location: undefined, sent: 0, unread: 0 }
    await commands.put(made)
    if (kept) await files.put({ ...kept, id: made.id })
  })
  store.changed()
  kick(db)
}

/** Sends a refused command once more. */
export const retry = (id) => decide(id, true)
/** Sends a command that met a change of the office once more, over that change. */
export const mineWins = (id) => decide(id, true)
/** Drops a refused command: what the office has stays. */
export const takeOffice = (id) => decide(id, false)
