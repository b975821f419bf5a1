// Makes app/vendor/oidc-client.js: what the app needs of oidc-client-ts, as one module
// without dependencies. Run by `go generate`, after `npm ci` in e2e/clients, whose lock file
// says which versions these are. A folder as argument is written to instead.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const clients = join(here, '../../../../e2e/clients')
const { buildSync } = createRequire(join(clients, 'package.json'))('esbuild')
const packages = join(clients, 'node_modules')
const out = process.argv[2] ?? join(here, '../app/vendor')
const version = (name) => `${name} ${JSON.parse(readFileSync(join(packages, name, 'package.json'))).version}`

const licences = ['oidc-client-ts', 'jwt-decode']
buildSync({
  stdin: { contents: "export { UserManager, User, Log } from 'oidc-client-ts'", resolveDir: clients },
  bundle: true, minify: true, format: 'esm', target: 'es2022', charset: 'utf8', legalComments: 'none',
  define: { window: 'self', 'Date.now': 'serverNow' }, // a service worker has no window
  inject: [join(here, 'now.js')],
  banner: { js: `// ${licences.map(version).join(' and ')}; licences: oidc-client.txt` },
  outfile: join(out, 'oidc-client.js'),
})
const text = licences.map((name) => `${version(name)}\n\n${readFileSync(join(packages, name, 'LICENSE'))}`).join(`\n\n${'-'.repeat(72)}\n\n`)
writeFileSync(join(out, 'oidc-client.txt'), text)
