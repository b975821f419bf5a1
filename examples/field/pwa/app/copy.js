// Copies of what the server has.
import { fetchApi } from './auth.js'

/** What the server has new under an ETag, or null; another language is another text. `keep`
 * notes that it is kept. */
export async function newer(db, path) {
  const language = self.document?.documentElement.lang ?? ''
  const known = await db.value(`etag ${path}`)
  const answer = await fetchApi(path, { owner: db, headers: known?.language === language ? { 'If-None-Match': known.etag } : {} })
  if (answer.status === 304) return null
  if (!answer.ok) throw new Error(`the server answers ${answer.status}`)
  const value = await answer.json()
  return { value, keep: () => answer.headers.get('ETag') && db.set(`etag ${path}`, { etag: answer.headers.get('ETag'), language }) }
}
