// Both flows of a hybrid application with npm's openid-client, and what must
// not work. It prints one line of JSON for each step; the Go test reads them.
//
// usage: node openid-client.mjs '{"issuer":…,"clientId":…,"userSecret":…,…}'
import * as oidc from 'openid-client'
import { Browser } from './browser.mjs'

const t = JSON.parse(process.argv[2])
const insecure = { execute: [oidc.allowInsecureRequests] } // loopback only
const step = (name, facts = {}) => console.log(JSON.stringify({ step: name, ...facts }))

async function refusal(f) {
  try {
    await f()
  } catch (e) {
    return e.error ?? e.code ?? String(e)
  }
  return 'not refused'
}

// --- the user half
const front = await oidc.discovery(new URL(t.issuer), t.clientId, t.userSecret, undefined, insecure)
step('discovery', { pkce: front.serverMetadata().supportsPKCE(), issuer: front.serverMetadata().issuer })

const browser = new Browser(t)
async function signIn(config, redirectUri, scope) {
  const verifier = oidc.randomPKCECodeVerifier()
  const state = oidc.randomState()
  const nonce = oidc.randomNonce()
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri, scope, state, nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  })
  const back = await browser.signIn(url)
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
  return { back: back.url, checks, tokens: await oidc.authorizationCodeGrant(config, back.url, checks) }
}
const first = await signIn(front, t.redirectUri, 'openid profile offline_access read')
const claims = first.tokens.claims()
step('code', { sub: claims.sub, kind: claims.token_kind, scope: first.tokens.scope, expires: first.tokens.expires_in, refresh: !!first.tokens.refresh_token })

const info = await oidc.fetchUserInfo(front, first.tokens.access_token, claims.sub)
step('userinfo', { name: info.name, email: info.email })

const read = await oidc.fetchProtectedResource(front, first.tokens.access_token, new URL('GetLicenceUsage', t.odata), 'GET')
step('api', { status: read.status, inUse: (await read.json()).InUse })

const second = await oidc.refreshTokenGrant(front, first.tokens.refresh_token)
step('refresh', { rotated: second.refresh_token !== first.tokens.refresh_token, sub: second.claims().sub, scope: second.scope })
const narrow = await oidc.refreshTokenGrant(front, second.refresh_token, { scope: 'read' })
step('narrowed', { scope: narrow.scope })

// RFC 9207: the library itself refuses an answer of another issuer.
const mixed = new URL(first.back)
mixed.searchParams.set('iss', 'https://evil.example')
step('mix-up', { refused: (await refusal(() => oidc.authorizationCodeGrant(front, mixed, first.checks))) !== 'not refused' })
step('replay', { error: await refusal(() => oidc.authorizationCodeGrant(front, first.back, first.checks)) })
step('after replay', { error: await refusal(() => oidc.refreshTokenGrant(front, narrow.refresh_token)) })

const again = await signIn(front, t.redirectUri, 'openid offline_access read')
await oidc.tokenRevocation(front, again.tokens.refresh_token)
step('revoked', { error: await refusal(() => oidc.refreshTokenGrant(front, again.tokens.refresh_token)) })

const last = await signIn(front, t.redirectUri, 'openid offline_access read')
const out = await browser.request(oidc.buildEndSessionUrl(front, {
  id_token_hint: last.tokens.id_token, post_logout_redirect_uri: t.postLogoutRedirectUri, state: 'bye',
}))
step('signed out', { to: out.url.href, error: await refusal(() => oidc.refreshTokenGrant(front, last.tokens.refresh_token)) })

// --- a public application
const open = await oidc.discovery(new URL(t.issuer), t.publicId, undefined, oidc.None(), insecure)
const device = await signIn(open, t.publicRedirectUri, 'openid read')
step('public', { sub: device.tokens.claims().sub, scope: device.tokens.scope })

// --- the service half, with every way to send a secret
for (const [name, method] of Object.entries({ basic: oidc.ClientSecretBasic(t.serviceSecret), post: oidc.ClientSecretPost(t.serviceSecret) })) {
  const back = await oidc.discovery(new URL(t.issuer), t.clientId, undefined, method, insecure)
  const service = await oidc.clientCredentialsGrant(back, { scope: 'read update' })
  const call = await oidc.fetchProtectedResource(back, service.access_token, new URL('GetLicenceUsage', t.odata), 'GET')
  step('service ' + name, { scope: service.scope, refresh: !!service.refresh_token, id: !!service.id_token, status: call.status })
}
for (const jwk of t.serviceKeys) { // by Ed25519 the library signs with alg Ed25519 (RFC 9864)
  const key = await crypto.subtle.importKey('jwk', jwk, { name: jwk.crv === 'P-256' ? 'ECDSA' : jwk.crv, namedCurve: jwk.crv }, false, ['sign'])
  const signed = await oidc.discovery(new URL(t.issuer), t.clientId, undefined, oidc.PrivateKeyJwt({ key, kid: jwk.kid }), insecure)
  step('service key ' + jwk.crv, { scope: (await oidc.clientCredentialsGrant(signed, { scope: 'read' })).scope })
}

const back = await oidc.discovery(new URL(t.issuer), t.clientId, t.serviceSecret, undefined, insecure)
step('front end asks for a service token', { error: await refusal(() => oidc.clientCredentialsGrant(front, {})) })
step('openid for a service', { error: await refusal(() => oidc.clientCredentialsGrant(back, { scope: 'openid' })) })
step('back end renews', { error: await refusal(() => oidc.refreshTokenGrant(back, second.refresh_token)) })
step('end')
