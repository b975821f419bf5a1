// What the service worker does when the system tells it that there is network: the queue, as
// the page would. A failure makes the system try once more, later.
import * as queue from './queue.js'

export async function drain() {
  const reason = await queue.drain()
  if (reason && reason !== 'sign_in') throw new Error(reason)
}
