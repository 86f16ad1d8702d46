import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { connect } from '../../src/storage/connection.ts'
import { startEmbeddedMongod } from '../../src/storage/embedded-mongod.ts'
import * as input from './fuzz-input.ts'
import { type Client, scimServer } from './scim-server.ts'

const SECRET = 'only-the-other-source-knows'

/**
 * Sends random requests to a real server: filters, PATCH messages, resources, raw paths.
 *
 * @returns answers by status
 * @throws Error for a 5xx, an answer that is not SCIM, or one that shows anything of another source
 */
export async function fuzzClients(
  { mine, foreign }: { mine: Client; foreign: Client },
  { runs, seed }: { runs: number; seed: number },
): Promise<Record<string, number>> {
  const others = await foreign.user(SECRET, { displayName: SECRET })
  const ids = [await mine.user('ann'), others, await mine.group('g'), 'x']
  const counts: Record<string, number> = {}
  const id = fc.constantFrom(...ids)
  const resourceType = fc.constantFrom('Users', 'Groups')
  // Longer request lines are refused by Node itself, before the hub sees them.
  const query = input.query.filter((text) => text.length < 8_000)
  const request = fc.oneof(
    fc
      .tuple(resourceType, query)
      .map(([type, q]) => ({ method: 'GET', path: `/${type}?${q}`, body: undefined as unknown })),
    fc.tuple(resourceType, id, input.patch).map(([type, one, body]) => ({
      method: 'PATCH',
      path: `/${type}/${one}`,
      body: body as unknown,
    })),
    fc
      .tuple(resourceType, input.resource)
      .map(([type, body]) => ({ method: 'POST', path: `/${type}`, body: body as unknown })),
    fc.tuple(resourceType, id, input.resource).map(([type, one, body]) => ({
      method: 'PUT',
      path: `/${type}/${one}`,
      body: body as unknown,
    })),
    fc
      .tuple(fc.constantFrom('', '/Users', '/Groups'), input.filter, input.name)
      .map(([type, filter, sortBy]) => ({
        method: 'POST',
        path: `${type}/.search`,
        body: {
          schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'],
          filter,
          sortBy,
        } as unknown,
      })),
    fc.tuple(fc.constantFrom('GET', 'DELETE', 'OPTIONS'), input.name).map(([method, name]) => ({
      method,
      path: `/${encodeURIComponent(name)}`,
      body: undefined as unknown,
    })),
    fc
      .array(
        fc.tuple(fc.constantFrom('POST', 'PUT', 'PATCH', 'DELETE'), resourceType, id, input.patch),
        { maxLength: 3 },
      )
      .map((list) => ({
        method: 'POST',
        path: '/Bulk',
        body: {
          schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
          Operations: list.map(([method, type, one, data], n) => ({
            method,
            path: method === 'POST' ? `/${type}` : `/${type}/${one}`,
            bulkId: `b${n}`,
            data,
          })),
        } as unknown,
      })),
  )
  await fc.assert(
    fc.asyncProperty(request, async ({ method, path, body }) => {
      const answer = await mine.send(
        method,
        path,
        body === undefined ? undefined : JSON.stringify(body),
      )
      const key = `${method} ${answer.status}`
      counts[key] = (counts[key] ?? 0) + 1
      if (answer.status >= 500 && answer.status !== 501)
        throw new Error(`${answer.status} ${answer.text}`)
      if (/"status":"5\d\d"/.test(answer.text) && answer.status === 200)
        throw new Error(answer.text)
      if (answer.status !== 204 && answer.status !== 304 && answer.json === undefined) {
        throw new Error(`no JSON: ${answer.status} ${answer.text.slice(0, 200)}`)
      }
      if (answer.text.includes(SECRET)) throw new Error('something of another source was shown')
    }),
    { numRuns: runs, seed, endOnFailure: true },
  )
  const untouched = await foreign.get(`/Users/${others}`)
  if (untouched.json?.meta?.version !== 'W/"1"') throw new Error('another source was changed')
  return counts
}

/** The same on an embedded database of its own. */
export async function fuzzOverHttp(options: {
  runs: number
  seed: number
}): Promise<Record<string, number>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'quittance-fuzz-'))
  const mongod = await startEmbeddedMongod({ dataDir })
  try {
    const connection = await connect(mongod.uri, 'fuzz')
    const server = await scimServer(connection, { budgetMs: 60_000 })
    try {
      const [mine, foreign] = [await server.source('mine'), await server.source('foreign')]
      return await fuzzClients({ mine, foreign }, options)
    } finally {
      await server.close()
      await connection.close()
    }
  } finally {
    await mongod.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}
