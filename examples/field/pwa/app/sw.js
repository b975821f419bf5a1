// The service worker: it has the shell, whole and by hash, and nothing else. Answers of the
// API and of the identity server never pass through it, so none can be kept here.
// In front of it the server writes VERSION, SHELL (path → SHA-256) and drain, which is there
// where the system has Background Sync.
/* global VERSION, SHELL, drain */
const CACHE = `shell ${VERSION}`
const keyOf = (path) => `${path}?${encodeURIComponent(SHELL[path])}` // the content's, not the version's

// What has not changed is taken over from the shell before; what is not what the list says
// is not taken.
async function fill() {
  const cache = await caches.open(CACHE)
  await Promise.all(Object.entries(SHELL).map(async ([path, hash]) => {
    const key = keyOf(path)
    let answer = await caches.match(key)
    if (!answer) {
      answer = await fetch(path, { integrity: `sha256-${hash}`, cache: 'no-cache', redirect: 'error' })
      if (!answer.ok) throw new Error(`${path} answers ${answer.status}`)
    }
    await cache.put(key, answer)
  }))
}

async function dropOthers() {
  for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name)
  await self.clients.claim()
}

self.addEventListener('install', (event) => event.waitUntil(fill()))
self.addEventListener('activate', (event) => event.waitUntil(dropOthers()))

self.addEventListener('fetch', (event) => {
  const { method, mode, url } = event.request
  const { origin, pathname } = new URL(url)
  if (origin !== self.location.origin || method !== 'GET') return
  const path = mode === 'navigate' && pathname === '/callback' ? '/' : pathname
  if (!Object.hasOwn(SHELL, path)) return
  event.respondWith(caches.match(keyOf(path)).then((kept) => kept ?? fetch(event.request)))
})

// The new version takes over when the person says so, and never while something is being
// sent: whoever sends holds this lock.
self.addEventListener('message', (event) => {
  if (event.data === 'take over') event.waitUntil(navigator.locks.request('field-send', () => self.skipWaiting()))
})

self.addEventListener('sync', (event) => {
  if (drain && event.tag === 'field-send') event.waitUntil(drain())
})
