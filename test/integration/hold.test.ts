import { performance } from 'node:perf_hooks'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createHold } from '../../src/revocation/hold.ts'
import type { Lane } from '../../src/revocation/lane.ts'
import { createLaneDesk } from '../../src/revocation/lane-desk.ts'
import type { WorkerLaneStore } from '../../src/revocation/worker-store.ts'
import { HubError } from '../../src/shared/errors.ts'
import { evidenceOf } from '../../src/storage/evidence-store.ts'
import { lanesOf, prepareLanes } from '../../src/storage/lane-models.ts'
import { createLaneStore } from '../../src/storage/lane-store.ts'
import { createTransactor } from '../../src/storage/transaction.ts'
import { freshDatabase } from '../support/database.ts'
import { intent, LEASE_MS, NOW, want } from '../unit/revocation/lanes.ts'

const clock = { now: () => NOW }
const looked = {
  kind: 'looked',
  revocationId: '1/account',
  handleId: 'h',
  state: 'live',
  evidence: 'e1',
} as const
const evidence = {
  id: 'e1',
  offboardingId: 'o1',
  revocationId: '1/account',
  sealed: Buffer.from('what was seen'),
}

let database: Awaited<ReturnType<typeof freshDatabase>>
let store: ReturnType<typeof createLaneStore>
let claimed: Lane

beforeAll(async () => {
  database = await freshDatabase()
  await prepareLanes(database.connection)
  store = createLaneStore(database.connection)
})
beforeEach(async () => {
  await lanesOf(database.connection).deleteMany({})
  await evidenceOf(database.connection).deleteMany({})
  await store.save([want(undefined, intent(1, 'revoke'))])
  const lease = { id: 'lease', holder: 'w', until: NOW + LEASE_MS }
  const [first] = await store.claim({ appId: 'a', lease, now: NOW, limit: 1, order: 'priority' })
  claimed = first as Lane
})
afterAll(() => database.dispose())

const holdOf = (lanes: Pick<WorkerLaneStore, 'lane' | 'swap'> = store) =>
  createHold(claimed, { lanes, clock, leaseMs: LEASE_MS, since: performance.now() })
const stored = async () => await evidenceOf(database.connection).find().toArray()

test('hold, evidence of a look that was only noted, is stored with the heartbeat that stores the look', async () => {
  const hold = holdOf()
  expect(hold.keep(evidence)).toBe('e1')
  await hold.note(looked)
  expect(await stored()).toEqual([])
  await hold.extend()
  expect((await store.lane(claimed.id))?.work[0]?.beforeEvidence).toBe('e1')
  expect((await stored()).map(({ _id }) => _id)).toEqual(['e1'])
})

test('hold, moved by a newer intent before it spoke, stores evidence and word all the same', async () => {
  const hold = holdOf()
  hold.keep(evidence)
  expect(await store.swap(claimed, want(claimed, intent(2, 'revoke')))).not.toBeNull()
  const after = await hold.say(looked)
  expect(after.want?.generation).toBe(2)
  expect((await stored()).map(({ _id }) => _id)).toEqual(['e1'])
})

test('hold, a step that was carried out and never answered, is repeated and stores its evidence once', async () => {
  let answers = 0
  const hold = holdOf({
    lane: store.lane,
    swap: async (...call) => {
      const kept = await store.swap(...call)
      answers += 1
      if (answers === 1) throw new HubError('ERR_STORAGE_UNAVAILABLE', 'the answer was lost')
      return kept
    },
  })
  hold.keep(evidence)
  const after = await hold.say(looked)
  expect(after.work[0]?.beforeEvidence).toBe('e1')
  expect(answers).toBeGreaterThan(1)
  expect(await store.lane(claimed.id)).toEqual(after)
  expect((await stored()).map(({ _id }) => _id)).toEqual(['e1'])
})

/** A person says which account it is, while the holder reads another one. */
const bind = async (): Promise<void> => {
  const desk = createLaneDesk({ lanes: store, clock, onChanged: () => {} })
  const link = { handleId: 'right', facets: ['account'] as const }
  const { transaction } = createTransactor(database.connection)
  await transaction((tx) => desk.bind(claimed, link, tx))
}

test('hold, an account that was named while another one was read, is not judged by that one', async () => {
  const hold = holdOf()
  await bind()
  await hold.note({ ...looked, handleId: 'wrong', state: 'dead' })
  await hold.note({
    kind: 'judged',
    revocationId: '1/account',
    judgement: { kind: 'verified', verdict: { grade: 'B', kind: 'dead', at: NOW } },
    evidence: 'e1',
    jitter: 0,
  })
  const after = await hold.say({ kind: 'released', reason: 'done' })
  expect(after.work).toMatchObject([{ state: 'due', handleId: 'right', seenLive: false }])
  expect(after.links).toMatchObject([{ handleId: 'right' }])
  expect(after.outbox).toEqual([])
})

test('hold, an account that was named while another one was read, is spared the write to that one', async () => {
  const hold = holdOf()
  await bind()
  await hold.note({ ...looked, handleId: 'wrong' })
  const after = await hold.say({
    kind: 'sent',
    what: { op: 'revoke', revocationId: '1/account' },
    handleId: 'wrong',
    quarantineMs: 1,
    reversible: true,
  })
  expect(after.inflight).toBeUndefined()
  expect(after.work).toMatchObject([{ state: 'due', handleId: 'right' }])
})
