// Names that the phone gives: commands' and its own.

const hexOf = (bytes) => Array.from(new Uint8Array(bytes), (b) => b.toString(16).padStart(2, '0')).join('')

/** The SHA-256 of a blob, in hexadecimal digits. */
export const sha256 = async (blob) => hexOf(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer()))

/** A UUID of version 7 (RFC 9562): of what comes later it is greater. `now` is in ms. */
export function uuid7(now) {
  const b = crypto.getRandomValues(new Uint8Array(16))
  for (let i = 5, t = now; i >= 0; i--, t = Math.floor(t / 256)) b[i] = t % 256
  b[6] = 0x70 | b[6] & 0x0f
  b[8] = 0x80 | b[8] & 0x3f
  return hexOf(b).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** A secret of this phone for a person, by which it may ask without a sign-in whether it is to
 * delete what it has; made when it is first asked for. */
export const secretOf = (db) => db.run(['meta'], 'readwrite', async ({ meta }) => {
  const known = (await meta.get('wish'))?.value
  if (known) return known
  const value = hexOf(crypto.getRandomValues(new Uint8Array(32)))
  await meta.put({ key: 'wish', value })
  return value
})

/** The id of this phone for a person, made when it is first asked for. What was deleted here
 * and begins anew is another phone: its commands count from 1. */
export const deviceOf = (db) => db.run(['meta'], 'readwrite', async ({ meta }) => {
  const known = (await meta.get('device'))?.value
  if (known) return known
  const value = crypto.randomUUID()
  await meta.put({ key: 'device', value })
  return value
})
