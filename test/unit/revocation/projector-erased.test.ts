import { expect, test } from 'vitest'
import { workerKey } from '../../../src/ledger/keys.ts'
import { createEntryWriter } from '../../../src/ledger/leaf.ts'
import type { Lane } from '../../../src/revocation/lane.ts'
import { createProjector, type ProjectorDeps } from '../../../src/revocation/projector.ts'
import type { Transaction } from '../../../src/shared/transaction.ts'
import { eventually } from '../../support/eventually.ts'
import { acked, claim, intent, looked, NOW, sent, verified, want } from './lanes.ts'

const proven = (): Lane => {
  const lane = looked(claim(want(undefined, intent(1, 'revoke'))), '1/account')
  return verified(acked(sent(lane, '1/account')), '1/account')
}
/** Acknowledged, and nobody can read it back. */
const unobservable = (): Lane => {
  const lane = proven()
  const work = lane.work.map((unit) => ({
    ...unit,
    state: 'human' as const,
    reason: 'unobservable' as const,
    requestEvidence: 'request',
  }))
  return { ...lane, outbox: [], work }
}

/** One lane whose case has no key any more, projected until the projector lets go of it. */
async function project(lane: Lane) {
  let stored = lane
  let rounds = 0
  const lines: object[] = []
  const sealed: unknown[] = []
  const note = (fields: object) => lines.push(fields)
  const deps: ProjectorDeps = {
    entries: createEntryWriter({ origin: 'log', ...workerKey(Buffer.alloc(32, 7)) }),
    caseKeys: { caseKey: async () => null },
    evidence: { many: async () => new Map() },
    lanes: {
      dirty: async () => {
        rounds += 1
        return stored.dirty ? [stored] : []
      },
      swapAll: async ([swap]) => {
        if (swap !== undefined) stored = swap.after
        return new Set([lane.id])
      },
    },
    revocations: { project: async () => {} },
    ledger: {
      enqueue: async (entries) => {
        sealed.push(...entries)
      },
    },
    transactor: { transaction: (work) => work({} as Transaction) },
    clock: { now: () => NOW },
    log: { info: note, warn: note, error: note },
    onEnqueued: () => {},
  }
  const loop = createProjector(deps)
  loop.start()
  await eventually('two rounds', () => {
    loop.poke()
    return rounds >= 3
  })
  await loop.stop()
  return { stored, lines, sealed }
}

test('a lane, whose case is erased, is projected once without an entry and said once', async () => {
  for (const lane of [proven(), unobservable()]) {
    expect(lane.dirty).toBe(true)
    const { stored, lines, sealed } = await project(lane)
    expect(stored).toMatchObject({ dirty: false, outbox: [] })
    expect(lines).toEqual([{ offboardingId: 'o1', revocationId: '1/account' }])
    expect(sealed).toEqual([])
  }
})
