// Both flows with npm's simple-oauth2, which knows nothing of OpenID Connect: endpoints by
// hand, and secrets as its options send them. It prints one line of JSON for each step; the
// Go test reads them.
//
// usage: node simple-oauth2.mjs '{"issuer":…,"clientId":…,"userSecret":…,…}'
import { createHash, randomBytes } from 'node:crypto'
import { AuthorizationCode, ClientCredentials } from 'simple-oauth2'
import { Browser } from './browser.mjs'

const t = JSON.parse(process.argv[2])
const step = (name, facts = {}) => console.log(JSON.stringify({ step: name, ...facts }))

async function refusal(f) {
  try {
    await f()
  } catch (e) {
    return e.data?.payload?.error ?? String(e)
  }
  return 'not refused'
}

const { origin, pathname } = new URL(t.issuer)
const auth = { tokenHost: origin, tokenPath: `${pathname}/connect/token`, revokePath: `${pathname}/connect/revocation` }
const ways = {
  header: { authorizationMethod: 'header' },
  'header, not encoded': { authorizationMethod: 'header', credentialsEncodingMode: 'loose' },
  form: { authorizationMethod: 'body' },
}
const usage = (token) => fetch(new URL('GetLicenceUsage', t.odata), { headers: { authorization: `${token.token_type} ${token.access_token}` } })

// --- the user half
const browser = new Browser(t)
for (const [way, options] of Object.entries(ways)) {
  const client = new AuthorizationCode({ client: { id: t.clientId, secret: t.userSecret }, auth: { ...auth, authorizePath: `${pathname}/connect/authorize` }, options })
  const verifier = randomBytes(32).toString('base64url')
  const page = await browser.signIn(new URL(client.authorizeURL({
    redirect_uri: t.redirectUri, scope: ['offline_access', 'read'], state: way,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
  })))
  const redeem = () => client.getToken({ code: page.url.searchParams.get('code'), redirect_uri: t.redirectUri, code_verifier: verifier })
  const first = await redeem()
  const second = await first.refresh()
  step('code by ' + way, {
    state: page.url.searchParams.get('state'), scope: first.token.scope, id: !!first.token.id_token, expired: first.expired(), status: (await usage(first.token)).status,
    rotated: second.token.refresh_token !== first.token.refresh_token, renewed: (await usage(second.token)).status,
  })
  await second.revokeAll()
  step('revoked by ' + way, { refresh: await refusal(() => second.refresh()), replay: await refusal(redeem) })
}

// --- the service half
for (const [way, options] of Object.entries(ways)) {
  const client = new ClientCredentials({ client: { id: t.clientId, secret: t.serviceSecret }, auth, options })
  const { token } = await client.getToken({ scope: ['read', 'update'] })
  step('service by ' + way, { scope: token.scope, refresh: !!token.refresh_token, status: (await usage(token)).status })
}
const front = new ClientCredentials({ client: { id: t.clientId, secret: t.userSecret }, auth })
step('front end asks for a service token', { error: await refusal(() => front.getToken({})) })
step('end')
