/** What stands around the code of a new connector. `NAME` stands for its name, `HUB` for the way to the hub's folder. */

export const PACKAGE = `{
  "name": "quittance-connector-NAME",
  "version": "0.1.0",
  "type": "module",
  "exports": "./dist/index.js",
  "files": ["dist"],
  "imports": {
    "#connector-sdk": {
      "hub-source": "quittance/src/connector-sdk/index.ts",
      "default": "quittance/dist/src/connector-sdk/index.js"
    },
    "#connector-kit/*": {
      "hub-source": "quittance/src/connector-sdk/kit/*.ts",
      "default": "quittance/dist/src/connector-sdk/kit/*.js"
    }
  },
  "scripts": { "build": "tsc", "test": "vitest run" },
  "peerDependencies": { "quittance": "*", "zod": "^4.0.0" },
  "peerDependenciesMeta": { "quittance": { "optional": true } },
  "devDependencies": {
    "@types/node": "^20.0.0",
    "quittance": "file:HUB",
    "typescript": "^7.0.0",
    "vitest": "^4.0.0"
  }
}
`

export const TSCONFIG = `{
  "compilerOptions": {
    "target": "ES2023",
    "lib": ["ES2023"],
    "module": "NodeNext",
    "types": ["node"],
    "strict": true,
    "exactOptionalPropertyTypes": true,
    "noUncheckedIndexedAccess": true,
    "verbatimModuleSyntax": true,
    "erasableSyntaxOnly": true,
    "allowImportingTsExtensions": true,
    "rewriteRelativeImportExtensions": true,
    "skipLibCheck": true,
    "preserveSymlinks": true,
    "noEmitOnError": true,
    "customConditions": ["hub-source"],
    "rootDir": ".",
    "outDir": "dist"
  },
  "files": ["index.ts"]
}
`

export const README = `# NAME

What the application is, in a sentence.

## What it covers

| facet     | revoke                            | read back                              | can be undone |
| --------- | --------------------------------- | -------------------------------------- | ------------- |
| \`account\` | \`PATCH /users/{id}\` \`active: false\` | \`GET /users/{id}\`, \`active\` is \`false\` | yes           |

## What it does not cover

Sessions, tokens and keys: do they end with the account? Try it, and say so here.

## Permissions to grant

| secret         | may                            |
| -------------- | ------------------------------ |
| \`token\`        | read users, change users       |
| \`witnessToken\` | read users only; read-back uses it |

## Work on it

\`npm install\`, \`npm test\` runs the kit, \`npm run build\` writes \`dist\`. The hub that this was made with is \`file:HUB\` in \`package.json\`: a built
one (\`npm ci && npm run build\` there). It is on no registry: name its folder, never a version.
Start in \`api.ts\`: the requests. Then \`test/world.ts\`: the application that the kit tries to trip over.

## Use it

\`npm run build\`, then in the hub's folder \`npm install --no-save <this folder>\`, and name it: \`CONNECTORS=quittance-connector-NAME\`.
A package runs with the hub's rights.
`

export const KIT_TEST = `import { test } from 'vitest'
import { connectorKit } from '#connector-kit/kit'
import connector from '../index.ts'
import { startWorld } from './world.ts'

const cases = connectorKit({ connector, start: startWorld })
test.each(cases.map(({ name, run }) => [name, run] as const))('%s', (_, run) => run())
`

export const VITEST_CONFIG = `import { defineConfig } from 'vitest/config'

export default defineConfig({ test: { include: ['test/**/*.test.ts'] } })
`

export const WORLD = `import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { startFaultProxy } from '#connector-kit/fault-proxy'
import type { KitWorld, SeenRequest } from '#connector-kit/world'

interface FakeUser {
  id: string
  login: string
  email: string
  active: boolean
}

const DOER = 'canary-doer-5d1c77'
const WITNESS = 'canary-witness-90ab12'

/** The application in small, behind a proxy that can misbehave. Teach it the habits of the real one. */
export async function startWorld(): Promise<KitWorld> {
  const users: FakeUser[] = [
    { id: '1', login: 'bystander1', email: 'b1@example.com', active: true },
    { id: '2', login: 'bystander2', email: 'b2@example.com', active: true },
    { id: '7', login: 'jane', email: 'jane@example.com', active: true },
    { id: '8', login: 'twin', email: 't1@example.com', active: true },
    { id: '9', login: 'twin', email: 't2@example.com', active: true },
  ]
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const [status, answer] = carryOut(users, {
        method: request.method ?? '',
        url: new URL(request.url ?? '/', 'http://fake'),
        token: request.headers.authorization ?? '',
        body,
      })
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(answer))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const proxy = await startFaultProxy(
    \`http://127.0.0.1:\${(server.address() as AddressInfo).port}\`,
  )
  const person = { sourceId: 's', userId: 'u', emails: [] }
  const isWrite = ({ method }: SeenRequest): boolean => method !== 'GET'
  const isSearch = ({ path }: SeenRequest): boolean => path.startsWith('/users?')
  return {
    app: {
      id: 'app',
      connectorId: 'NAME',
      config: { baseUrl: proxy.origin },
      allowNetworks: ['127.0.0.0/8'],
    },
    secrets: { token: DOER, witnessToken: WITNESS },
    subject: { ...person, userName: 'Jane' },
    stranger: { ...person, userName: 'nobody' },
    twins: { ...person, userName: 'twin' },
    accountId: '7',
    strangerId: '999',
    isLive: () => users.some(({ id, active }) => id === '7' && active),
    bystandersHit: () => users.filter(({ id, active }) => id !== '7' && !active).length,
    wire: { seen: proxy.seen, inject: proxy.inject, isWrite },
    tricks: {
      lie: () => proxy.inject({ kind: 'lie', body: () => '{"id":"7","active":false}' }, isWrite),
      ignoreFilter: () =>
        proxy.inject({ kind: 'lie', body: () => JSON.stringify({ users }) }, isSearch),
      repeatPages: () =>
        proxy.inject({ kind: 'lie', body: () => JSON.stringify({ users, next: 'same' }) }, isSearch),
    },
    cannot: { hideRows: 'the listing carries no count' },
    close: async () => {
      await proxy.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function carryOut(
  users: FakeUser[],
  asked: { method: string; url: URL; token: string; body: string },
): [status: number, answer: object] {
  const { method, url, token, body } = asked
  const mayWrite = token === \`Bearer \${DOER}\`
  if (!mayWrite && token !== \`Bearer \${WITNESS}\`) return [401, {}]
  if (method !== 'GET' && !mayWrite) return [403, {}]
  const id = url.pathname.split('/')[2]
  if (id === undefined) {
    const query = url.searchParams.get('query')?.toLowerCase()
    const from = Number(url.searchParams.get('cursor') ?? 0)
    const all = users.filter(
      ({ login, email }) => query === undefined || login === query || email === query,
    )
    const next = from + 2 < all.length ? { next: String(from + 2) } : {}
    return [200, { users: all.slice(from, from + 2), ...next }]
  }
  const user = users.find((one) => one.id === id)
  if (user === undefined) return [404, {}]
  if (method === 'PATCH') user.active = (JSON.parse(body) as { active: boolean }).active
  return [200, user]
}
`
