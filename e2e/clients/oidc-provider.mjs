// npm's oidc-provider as a provider for tandem prove: its defaults, with its own
// pages for signing in (any login and any password will do). `both` is one
// registration with both flows; `web` and `worker` are two, with one flow each.
//
// usage: node oidc-provider.mjs '{"redirectUri":…,"secrets":{"both":…,"web":…,"worker":…}}'
//
// It prints its issuer when it answers, and ends when its standard input does.
import http from 'node:http'
import { Provider } from 'oidc-provider'

const t = JSON.parse(process.argv[2])
const signIn = { redirect_uris: [t.redirectUri], response_types: ['code'], grant_types: ['authorization_code', 'refresh_token'] }
const clients = [
  { ...signIn, client_id: 'both', client_secret: t.secrets.both, grant_types: [...signIn.grant_types, 'client_credentials'] },
  { ...signIn, client_id: 'web', client_secret: t.secrets.web },
  { client_id: 'worker', client_secret: t.secrets.worker, redirect_uris: [], response_types: [], grant_types: ['client_credentials'] },
]

const server = http.createServer()
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`
  const provider = new Provider(issuer, {
    clients,
    features: { clientCredentials: { enabled: true }, introspection: { enabled: true }, revocation: { enabled: true } },
  })
  server.on('request', provider.callback())
  console.log(JSON.stringify({ issuer }))
})
process.stdin.resume().on('end', () => process.exit(0))
