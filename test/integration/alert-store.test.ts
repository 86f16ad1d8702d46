import { afterAll, expect, test } from 'vitest'
import type { Finding } from '../../src/alerts/alert.ts'
import { withOwners } from '../../src/alerts/app-owners.ts'
import { lateFinding, lateLook } from '../../src/alerts/late-look.ts'
import { revocationLook } from '../../src/alerts/look.ts'
import { unresolvedAlerts } from '../../src/alerts/unresolved.ts'
import { createWatch } from '../../src/alerts/watch.ts'
import { ESCALATION_AUDIENCE } from '../../src/revocation/escalation.ts'
import type { Revocation } from '../../src/revocation/types.ts'
import { createAlertStore, prepareAlerts } from '../../src/storage/alert-store.ts'
import { createTransactor } from '../../src/storage/transaction.ts'
import { freshDatabase } from '../support/database.ts'

const database = await freshDatabase()
await prepareAlerts(database.connection)
const alerts = createAlertStore(database.connection)
const transactor = createTransactor(database.connection)
afterAll(() => database.dispose())

const finding = (key: string): Finding => ({
  rule: 'feed-silent',
  key,
  about: { sourceId: key },
  facts: { note: '$count' },
})

test('an alert, found twice, is one alert counted twice and news only once', async () => {
  expect(await alerts.raise(finding('twice'), 1)).toBe(true)
  expect(await alerts.raise(finding('twice'), 2)).toBe(false)
  const { items } = await alerts.list({ rule: 'feed-silent' }, { limit: 10 })
  expect(items).toMatchObject([{ count: 2, firstAt: 1, lastAt: 2, facts: { note: '$count' } }])
})

test('an alert about an app, found again after the app changed hands, is in the care of the new owners', async () => {
  const apps = [{ id: 'wiki', owners: ['dana@example.com'] }]
  const owned = withOwners(alerts, { all: async () => apps })
  const held: Finding = { rule: 'lane-held', key: 'wiki', about: { appId: 'wiki' }, facts: {} }
  const ownersNow = async () => {
    await owned.raise(held, 1)
    return (await alerts.list({ rule: 'lane-held' }, { limit: 1 })).items[0]?.owners
  }
  expect(await ownersNow()).toEqual(['dana@example.com'])
  apps[0] = { id: 'wiki', owners: ['erin@example.com'] }
  expect(await ownersNow()).toEqual(['erin@example.com'])
})

test('an acknowledgement, whose record in the audit trail fails, did not happen', async () => {
  await alerts.raise(finding('unrecorded'), 1)
  const id = 'feed-silent:unrecorded'
  const act = transactor.transaction(async (tx) => {
    expect(await alerts.acknowledge(id, 'admin', 2, tx)).toBe(true)
    throw new Error('no record')
  })
  await expect(act).rejects.toThrow('no record')
  expect(await alerts.acknowledge(id, 'admin', 3)).toBe(true)
  await alerts.resolve([id], 4)
})

test('a resolved alert, found again, is news and open again', async () => {
  await alerts.raise(finding('again'), 1)
  expect(await alerts.acknowledge('feed-silent:again', 'admin', 2)).toBe(true)
  await alerts.resolve(['feed-silent:again'], 3)
  expect(await alerts.raise(finding('again'), 4)).toBe(true)
  const { items } = await alerts.list({ state: 'open' }, { limit: 10 })
  const again = items.find((alert) => alert.id === 'feed-silent:again')
  expect(again).toMatchObject({ firstAt: 4 })
  expect(again).not.toHaveProperty('acknowledgedBy')
})

test('a listing, paged by one, shows each alert once', async () => {
  for (const key of ['p1', 'p2', 'p3']) await alerts.raise(finding(key), 10)
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = await alerts.list({}, { limit: 1, ...(cursor ? { cursor } : {}) })
    seen.push(...page.items.map((alert) => alert.id))
    cursor = page.next
  } while (cursor !== undefined)
  expect(new Set(seen).size).toBe(seen.length)
  expect(seen).toEqual(
    expect.arrayContaining(['feed-silent:p1', 'feed-silent:p2', 'feed-silent:p3']),
  )
})

const base: Revocation = {
  id: 'r1',
  offboardingId: 'o1',
  sourceId: 's',
  userId: 'u',
  appId: 'a',
  facet: 'account',
  generation: 1,
  class: 1,
  state: 'human',
  reason: 'contradicted',
  verdict: { grade: 'F', kind: 'contradicted', at: 0 },
  attempts: 3,
  openedAt: 0,
  deadlineAt: 1_000_000,
  updatedAt: 0,
}
const late: Revocation = { ...base, id: 'late', openedAt: 0, deadlineAt: 1_000 }

test('the watch, a revocation that was contradicted and then proven, raises and resolves', async () => {
  let open: Revocation[] = [base]
  const news: string[] = []
  const watch = createWatch({
    alerts,
    looks: [revocationLook(async () => ({ items: open }))],
    clock: { now: () => 100 },
    log: { warn: () => {} },
    onNew: ({ rule }) => news.push(rule),
  })
  await watch.look()
  await watch.look()
  expect(news).toEqual(['contradicted'])
  open = []
  await watch.look()
  const { items } = await alerts.list({ rule: 'contradicted' }, { limit: 10 })
  expect(items).toMatchObject([{ state: 'resolved', count: 1 }])
})

test('a look at what is not resolved, an alert raised since it began, is not counted again', async () => {
  await alerts.raise(finding('before'), 1)
  const known = new Set((await alerts.unresolved(['feed-silent'])).map(({ id }) => id))
  await alerts.raise(finding('since'), 2)
  const seen: string[] = []
  for await (const { id } of unresolvedAlerts(alerts, ['feed-silent'], known)) seen.push(id)
  expect(seen).toContain('feed-silent:before')
  expect(seen).not.toContain('feed-silent:since')
})

test('a late revocation, told at 50 and at 80 percent and then proven, is one open alert at a time', async () => {
  let revocation = { ...late, state: 'due' } as Revocation
  let now = 500
  const told: unknown[] = []
  const watch = createWatch({
    alerts,
    looks: [lateLook({ alerts, revocation: async () => revocation, clock: { now: () => now } })],
    clock: { now: () => now },
    log: { warn: () => {} },
  })
  for (const [level, at] of [
    [50, 500],
    [80, 800],
    [100, 1_000],
  ] as const) {
    now = at
    const audience = ESCALATION_AUDIENCE[level]
    const raised = { revocation, level, audience }
    // As the escalator does: in its transaction, which may also fail.
    await expect(
      transactor.transaction(async (tx) => {
        await alerts.raise(lateFinding(raised), now, tx)
        throw new Error('lost the race')
      }),
    ).rejects.toThrow('lost the race')
    await transactor.transaction((tx) => alerts.raise(lateFinding(raised), now, tx))
    await watch.look()
    const open = await alerts.unresolved(['revocation-late', 'revocation-overdue'])
    told.push(...open.map(({ id }) => id))
  }
  expect(told).toEqual([
    'revocation-late:late/50',
    'revocation-late:late/80',
    'revocation-overdue:late',
  ])
  revocation = { ...revocation, state: 'proven' }
  await watch.look()
  expect(await alerts.unresolved(['revocation-late', 'revocation-overdue'])).toEqual([])
})
