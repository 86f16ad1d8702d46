import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { check, INVARIANTS } from '../../scripts/chaos/checker.ts'
import { runChaos } from '../../scripts/chaos/run.ts'

const folder = await mkdtemp(join(tmpdir(), 'quittance-chaos-'))
afterAll(() => rm(folder, { recursive: true, force: true }))

/** `npm run chaos` is the long form. */
test('a whole installation, its database stepping down and its hubs killed and frozen, loses nothing', async () => {
  const lines: string[] = []
  const run = await runChaos({
    repository: join(import.meta.dirname, '../..'),
    folder,
    deactivations: 20,
    apps: 3,
    seed: 4,
    roles: ['signer', 'web,worker,ledger+seal', 'web,worker,ledger+seal'],
    leaseSeconds: 4,
    quarantineMs: 4_000,
    concurrency: 4,
    patienceMs: 120_000,
    ...{ kills: 1, stepdowns: 1, freezes: 1 },
    ...{ databaseFreezes: 0, cuts: 0, failPoints: 0, primaryKills: 0, terms: 0, failMatrix: false },
    ...{ databaseFreezeMs: 0, skewSeconds: 0 },
    log: (line) => lines.push(line),
  })
  const told = lines.join('\n')
  expect(run.owed, told).toBeUndefined()
  expect(run.misfortunes, told).toEqual({
    'kill -9 of a hub': 1,
    'step-down': 1,
    'SIGSTOP of a hub past its leases': 1,
  })
  const { violations, counts } = check(run.facts)
  expect(violations, told).toEqual(Object.fromEntries(INVARIANTS.map((name) => [name, []])))
  expect(counts['people']).toBe(20)
  expect(counts['proven']).toBeGreaterThan(0)
  expect(counts['snapshots']).toBeGreaterThan(0)
}, 240_000)
