// An application in a browser with oidc-client-ts: it signs in by redirect,
// calls the API of another origin, renews its tokens, and revokes them. What it
// saw is the text of the page.
import { UserManager } from 'oidc-client-ts'
import { show } from './browser-result.mjs'

const { issuer, clientId, odata } = globalThis.task
const manager = new UserManager({
  authority: issuer, client_id: clientId, redirect_uri: `${location.origin}/callback`,
  scope: 'openid profile offline_access read', loadUserInfo: true, automaticSilentRenew: false, monitorSession: false,
})

const products = (token) => fetch(`${odata}General_Products_Products?$top=1`, { headers: { authorization: `Bearer ${token}`, 'odata-maxversion': '4.0' } })

async function run() {
  if (!location.search) return manager.signinRedirect()
  const first = await manager.signinRedirectCallback()
  const facts = { sub: first.profile.sub, name: first.profile.name, scope: first.scope }
  const answer = await products(first.access_token)
  facts.api = answer.status
  facts.version = answer.headers.get('odata-version')
  const renewed = await manager.signinSilent()
  facts.renewed = renewed.refresh_token !== first.refresh_token && (await products(renewed.access_token)).status
  await manager.revokeTokens(['access_token', 'refresh_token'])
  const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: renewed.refresh_token, client_id: clientId })
  facts.revoked = (await (await fetch(`${issuer}/connect/token`, { method: 'POST', body })).json()).error
  // What is for navigation alone cannot be read from here.
  facts.authorize = await fetch(`${issuer}/connect/authorize`).then(() => 'read', () => 'closed')
  return facts
}

run().then((facts) => facts && show(facts), (e) => show({ failed: String(e) }))
