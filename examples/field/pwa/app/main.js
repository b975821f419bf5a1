// Starts the app: finishes a sign-in, forgets what is too old, and hands over to the screens.
import * as auth from './auth.js'
import * as device from './device.js'
import * as photos from './photos.js'
import * as queue from './queue.js'
import * as reminders from './reminders.js'
import * as visits from './visits.js'
import { start } from './screens/app.js'

const REFRESH = 5 * 60_000 // ms

async function begin() {
  await device.forgetOld()
  const failed = location.pathname === '/callback' && await auth.finishSignIn().then(() => false, (error) => error)
  const app = await start(document.getElementById('app'), { auth, queue, visits, reminders, device, photos })
  if (failed) app.do(() => Promise.reject(failed)) // says so
  const refresh = () => document.visibilityState === 'visible' && visits.refresh().catch(() => {})
  queue.start()
  device.start()
  refresh()
  setInterval(refresh, REFRESH)
  addEventListener('online', refresh)
  document.addEventListener('visibilitychange', refresh)
  device.install().catch((error) => console.warn('the app does not work without network:', error.message))
}

begin()
