// The same with oidc-client-ts where nothing works without a key, which it makes and keeps
// in IndexedDB: no script can read it, not even this one. It names the resource, too.
import { IndexedDbDPoPStore, UserManager } from 'oidc-client-ts'
import { show } from './browser-result.mjs'

const { issuer, clientId, odata } = globalThis.task
const store = new IndexedDbDPoPStore()
const manager = new UserManager({
  authority: issuer, client_id: clientId, redirect_uri: `${location.origin}/callback`, scope: 'openid profile offline_access read',
  resource: odata, dpop: { bind_authorization_code: true, store }, automaticSilentRenew: false, monitorSession: false,
})

// A call with a proof for it; with no proof where there is none.
async function call(user, url, proof = true) {
  const headers = { authorization: `${proof ? 'DPoP' : 'Bearer'} ${user.access_token}`, 'odata-maxversion': '4.0' }
  if (proof) headers.dpop = await manager.dpopProof(url, user, 'GET')
  return fetch(url, { headers })
}
const products = (user, proof) => call(user, `${odata}General_Products_Products?$top=1`, proof)

// The key of a token is the one with the thumbprint in its cnf (RFC 9449 section 6.1).
const keyOf = (user) => JSON.parse(atob(user.access_token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/'))).cnf.jkt

async function run() {
  if (!location.search) return manager.signinRedirect()
  const first = await manager.signinRedirectCallback()
  const facts = { sub: first.profile.sub, type: first.token_type, scope: first.scope }
  const state = await store.get(clientId)
  const key = await manager.generateDPoPJkt({ store })
  facts.key = keyOf(first) === key
  facts.exported = await crypto.subtle.exportKey('jwk', state.keys.privateKey).then(() => 'exported', () => 'closed')
  facts.name = (await (await call(first, await manager.metadataService.getUserInfoEndpoint())).json()).name
  facts.api = (await products(first)).status
  facts.bearer = (await products(first, false)).status
  // A nonce of long ago: the library hears of it, and renews with the new one.
  await store.set(clientId, { keys: state.keys, nonce: 'of-long-ago' })
  const renewed = await manager.signinSilent()
  facts.renewed = renewed.refresh_token !== first.refresh_token && (await products(renewed)).status
  facts.sameKey = keyOf(renewed) === key
  facts.nonce = (await store.get(clientId)).nonce !== 'of-long-ago'
  const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: renewed.refresh_token, client_id: clientId })
  facts.stolen = (await (await fetch(`${issuer}/connect/token`, { method: 'POST', body })).json()).error
  await manager.removeUser()
  facts.removed = (await store.getAllKeys()).length === 0
  return facts
}

run().then((facts) => facts && show(facts), (e) => show({ failed: String(e) }))
