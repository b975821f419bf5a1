// Resumable uploads, tus 1.0, in what fetch can do. The key of an upload is the id of its
// command: asked for twice, it is at the same place, so that a lost answer costs nothing. The
// server knows how much it has, to the byte; nothing starts again at the beginning.
import { fetchApi } from './auth.js'

const TUS = { 'Tus-Resumable': '1.0.0' }
// A part is what goes out between two looks at the counter. It grows on good lines, in bytes.
const SMALLEST = 64 << 10
const LARGEST = 1 << 20
const FAST = 1_000 // ms
const SLOW = 8_000
const PATIENCE = 120_000

/** Thrown for an answer that is not the wanted one: `status`, `error` (the API's words). */
export class Answer extends Error {
  constructor(answer, error) {
    super(error?.message ?? `the server answers ${answer.status}`)
    Object.assign(this, { name: 'Answer', status: answer.status, error, retryAfter: Number(answer.headers.get('Retry-After')) || 0 })
  }

  static async of(answer) { return new Answer(answer, await answer.json().catch(() => undefined)) }
}

const text64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)))
const offsetOf = (answer) => {
  const offset = Number(answer.headers.get('Upload-Offset') ?? NaN)
  if (!Number.isSafeInteger(offset) || offset < 0) throw new TypeError('that was not the server: no offset') // a portal of some hotel
  return offset
}

async function create(owner, command) {
  const { name, type, bytes, sha256 } = command.file
  const facts = { key: command.id, sha256, visit: command.visit, filename: name, filetype: type }
  const answer = await fetchApi('uploads', { owner, method: 'POST', headers: {
    ...TUS, 'Upload-Length': String(bytes), 'Upload-Metadata': Object.entries(facts).map(([k, v]) => `${k} ${text64(v)}`).join(','),
  } })
  const location = answer.headers.get('Location')
  if (!answer.ok || !location) throw await Answer.of(answer)
  const there = answer.headers.has('Upload-Offset') ? offsetOf(answer) : answer.status === 201 ? 0 : undefined
  return { location: new URL(location, answer.url).href, there }
}

/** How much the server has of an upload, in bytes, or -1 where it has none. */
async function have(owner, location) {
  const answer = await fetchApi(location, { owner, method: 'HEAD', headers: TUS })
  if (answer.status === 404 || answer.status === 410) return -1
  if (!answer.ok) throw await Answer.of(answer)
  return offsetOf(answer)
}

/** Sends what is missing of the file of an owner's command. `read()` answers the file, and is
 * called only where something is missing; `note({location, sent})` is called after each step.
 * Both are awaited. Throws Answer, SignInNeeded, or what `read` or fetch throws: call it again
 * later. */
export async function upload(owner, command, read, note) {
  let { location } = command.file
  const { bytes } = command.file
  let sent = location ? await have(owner, location) : -1
  let size = 2 * SMALLEST
  let restarts = 0
  const blob = sent < bytes && await read()
  while (sent < bytes) {
    if (sent < 0) {
      const made = await create(owner, command)
      location = made.location
      sent = made.there ?? Math.max(0, await have(owner, location))
      await note({ location, sent })
      if (sent === bytes) break
    }
    const begun = performance.now()
    const answer = await fetchApi(location, {
      owner, method: 'PATCH', body: blob.slice(sent, sent + size), signal: AbortSignal.timeout(PATIENCE),
      headers: { ...TUS, 'Upload-Offset': String(sent), 'Content-Type': 'application/offset+octet-stream' },
    })
    if (answer.status === 409) sent = await have(owner, location) // somebody was there before us
    else if ([404, 410].includes(answer.status) && restarts++ === 0) sent = -1 // it is gone
    else if (!answer.ok) throw await Answer.of(answer)
    else sent = offsetOf(answer)
    const took = performance.now() - begun
    size = took < FAST ? Math.min(2 * size, LARGEST) : took > SLOW ? Math.max(size / 2, SMALLEST) : size
    await note({ location: sent < 0 ? undefined : location, sent: Math.max(0, sent) })
  }
}
