import { afterAll, expect, test } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { fuzzCore } from './fuzz-core.ts'
import { fuzzClients } from './fuzz-server.ts'
import { scimServer } from './scim-server.ts'

const database = await freshDatabase()
const server = await scimServer(database.connection, { budgetMs: 60_000 })
afterAll(async () => {
  await server.close()
  await database.dispose()
})

/** Another one with each run of the tests would fail for those who changed nothing; `npm run fuzz` takes any. */
const SEED = 20_260

test('the pure core, on 20,000 random inputs, refuses or answers, and nothing else', () => {
  // The bound on time is for the long run on a quiet machine.
  const counts = fuzzCore({ runs: 20_000, seed: SEED, slowMs: 200 })
  for (const { accepted, refused } of Object.values(counts)) {
    expect(Math.min(accepted, refused)).toBeGreaterThan(50)
  }
})

test('the server, on random requests, never fails and shows nothing of another source', async () => {
  const [mine, foreign] = [await server.source('mine'), await server.source('foreign')]
  const counts = await fuzzClients({ mine, foreign }, { runs: 400, seed: SEED })
  expect(Object.keys(counts).length).toBeGreaterThan(10)
})
