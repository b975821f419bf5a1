// A confidential application that pushes its requests and binds all it gets to a key, with
// npm's oauth4webapi, which leaves each step to its caller. It prints one line of JSON for
// each step; the Go test reads them.
//
// usage: node oauth4webapi.mjs '{"issuer":…,"clientId":…,"userSecret":…,…}'
import * as oauth from 'oauth4webapi'
import { Browser } from './browser.mjs'

const t = JSON.parse(process.argv[2])
const insecure = { [oauth.allowInsecureRequests]: true } // loopback only
const step = (name, facts = {}) => console.log(JSON.stringify({ step: name, ...facts }))

// What the library made of a refusal: of a body, of a redirect, or of WWW-Authenticate.
async function refusal(f) {
  try {
    await f()
  } catch (e) {
    return e.error ?? e.cause?.[0]?.parameters?.error ?? e.code ?? String(e)
  }
  return 'not refused'
}

// Once more where the server wants its nonce in the proof, as RFC 9449 section 8 has it.
async function withNonce(f) {
  try {
    return { answer: await f(), tries: 1 }
  } catch (e) {
    if (!oauth.isDPoPNonceError(e)) throw e
    return { answer: await f(), tries: 2 }
  }
}

// An answer that tells a nonce of long ago: the next proof has it, and is refused.
async function tellOldNonce(url, init) {
  const answer = await fetch(url, init)
  const headers = new Headers(answer.headers)
  headers.set('dpop-nonce', 'of-long-ago')
  return new Response(answer.body, { status: answer.status, headers })
}

const issuer = new URL(t.issuer)
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
step('discovery', { pushed: !!as.pushed_authorization_request_endpoint, proofs: as.dpop_signing_alg_values_supported.includes('ES256'), iss: as.authorization_response_iss_parameter_supported })

const client = { client_id: t.clientId }
const front = oauth.ClientSecretBasic(t.userSecret)
const keys = await oauth.generateKeyPair('ES256')
const proof = oauth.DPoP(client, keys)
const other = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
const bound = { DPoP: proof, ...insecure }
const thumbprint = await proof.calculateThumbprint()
const browser = new Browser(t)

// --- the user half: pushed, signed in, redeemed with the same key
async function signIn(options) {
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const nonce = oauth.generateRandomNonce()
  const { answer: pushed, tries } = await withNonce(async () => oauth.processPushedAuthorizationResponse(as, client, await oauth.pushedAuthorizationRequest(as, client, front, {
    response_type: 'code', redirect_uri: t.redirectUri, scope: 'openid profile offline_access read', state, nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  }, options)))
  const to = new URL(as.authorization_endpoint)
  to.search = new URLSearchParams({ client_id: t.clientId, request_uri: pushed.request_uri })
  const back = await browser.signIn(to)
  return { pushed, tries, nonce, verifier, state, to, back: back.url, answer: oauth.validateAuthResponse(as, client, back.url, state) }
}
const redeem = async (request, options) => {
  const answer = await oauth.authorizationCodeGrantRequest(as, client, front, request.answer, t.redirectUri, request.verifier, options)
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, answer, { expectedNonce: request.nonce, requireIdToken: true })
  await oauth.validateApplicationLevelSignature(as, answer, insecure)
  return tokens
}
const refresh = async (token, options, more) => {
  const answer = await oauth.refreshTokenGrantRequest(as, client, front, token, { ...options, ...more })
  return oauth.processRefreshTokenResponse(as, client, answer)
}

const first = await signIn({ ...bound, [oauth.customFetch]: tellOldNonce })
step('pushed', { tries: first.tries, expires: first.pushed.expires_in, iss: first.back.searchParams.get('iss') === t.issuer })
const { answer: tokens, tries } = await withNonce(() => redeem(first, bound))
const claims = oauth.getValidatedIdTokenClaims(tokens)
step('code', { tries, sub: claims.sub, kind: claims.token_kind, scope: tokens.scope, type: tokens.token_type, refresh: !!tokens.refresh_token })
step('pushed again', { error: await refusal(async () => oauth.validateAuthResponse(as, client, (await browser.signIn(first.to)).url, first.state)) })

const stolen = await signIn(bound)
step('code with another key', { error: await refusal(() => redeem(stolen, { DPoP: other, ...insecure })) })
step('code without a key', { error: await refusal(async () => redeem(await signIn(bound), insecure)) })

const info = await oauth.processUserInfoResponse(as, client, claims.sub, await oauth.userInfoRequest(as, client, tokens.access_token, bound))
step('userinfo', { name: info.name, email: info.email })

// --- the API, as who calls it and as who is called
const usage = new URL('GetLicenceUsage', t.odata)
const call = (token, options) => oauth.protectedResourceRequest(token, 'GET', usage, undefined, undefined, options)
let sent
const read = await call(tokens.access_token, { ...bound, [oauth.customFetch]: (url, init) => {
  sent = new Request(url, init)
  return tellOldNonce(url, init)
} })
step('api', { status: read.status, inUse: (await read.json()).InUse })
const again = await withNonce(() => call(tokens.access_token, bound))
step('api wants its nonce', { tries: again.tries, status: again.answer.status })
const seen = await oauth.validateJwtAccessToken(as, sent, 'DomainAPI', { requireDPoP: true, ...insecure })
step('validated', { sub: seen.sub, client: seen.client_id, key: seen.cnf.jkt === thumbprint })
step('api without the key', { error: await refusal(() => call(tokens.access_token, insecure)) })
step('api with another key', { error: await refusal(() => call(tokens.access_token, { DPoP: other, ...insecure })) })

const second = await refresh(tokens.refresh_token, bound)
step('refresh', { rotated: second.refresh_token !== tokens.refresh_token, type: second.token_type, sub: oauth.getValidatedIdTokenClaims(second).sub })
const narrow = await refresh(second.refresh_token, bound, { additionalParameters: { scope: 'read' } })
step('narrowed', { scope: narrow.scope })

const introspect = async (as_, token) => oauth.processIntrospectionResponse(as, client, await oauth.introspectionRequest(as, client, as_, token, insecure))
const known = await introspect(front, narrow.access_token)
step('introspected', { active: known.active, sub: known.username ?? known.sub, scope: known.scope, type: known.token_type, key: known.cnf?.jkt === thumbprint })
const back = oauth.ClientSecretPost(t.serviceSecret)
step('introspected by the other half', { active: (await introspect(back, narrow.access_token)).active })

await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, front, narrow.refresh_token, insecure))
step('revoked', { error: await refusal(() => refresh(narrow.refresh_token, bound)), active: (await introspect(front, narrow.access_token)).active })

// --- the service half
const service = async (auth, parameters, options) =>
  oauth.processClientCredentialsResponse(as, client, await oauth.clientCredentialsGrantRequest(as, client, auth, parameters, options))
const plain = await service(back, { scope: 'read update' }, insecure)
step('service', { scope: plain.scope, type: plain.token_type, refresh: !!plain.refresh_token, status: (await call(plain.access_token, insecure)).status })
const held = await service(back, { scope: 'read' }, bound)
step('service with a key', { scope: held.scope, type: held.token_type, status: (await call(held.access_token, bound)).status, active: (await introspect(back, held.access_token)).active })
step('service without its key', { error: await refusal(() => call(held.access_token, insecure)) })
step('front end asks for a service token', { error: await refusal(() => service(front, {}, bound)) })

// --- a public application, whose refresh token is as good as its key
const open = { client_id: t.publicId }
const verifier = oauth.generateRandomCodeVerifier()
const to = new URL(as.authorization_endpoint)
to.search = new URLSearchParams({
  client_id: t.publicId, response_type: 'code', redirect_uri: t.publicRedirectUri, scope: 'offline_access read', dpop_jkt: thumbprint,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
})
const answer = oauth.validateAuthResponse(as, open, (await browser.signIn(to)).url, oauth.expectNoState)
const device = await oauth.processAuthorizationCodeResponse(as, open,
  await oauth.authorizationCodeGrantRequest(as, open, oauth.None(), answer, t.publicRedirectUri, verifier, bound))
const renew = async (options) => oauth.processRefreshTokenResponse(as, open, await oauth.refreshTokenGrantRequest(as, open, oauth.None(), device.refresh_token, options))
step('public', {
  scope: device.scope, type: device.token_type, stolen: await refusal(() => renew({ DPoP: other, ...insecure })), bare: await refusal(() => renew(insecure)),
  renewed: (await renew(bound)).token_type,
})
step('end')
