import { createHash } from 'node:crypto'
import type { Facet } from '../connector-sdk/contract.ts'
import type { Lane } from './lane.ts'
import { isUndoOf } from './on-write.ts'

/**
 * The idempotency key of the call that a lane is about to make. Reveals nothing.
 *
 * Attempts of one write whose outcome is unknown share it, so that a receiver that remembers ids acts once. After
 * each known outcome it is another one: a receiver would answer a repeated key with what it said the first time,
 * and leave an account alone that came back to life.
 */
export function stepKey(lane: Lane, facet: Facet): string {
  const { generation, op } = lane.current ?? { generation: 0, op: 'revoke' }
  const step = [lane.id, generation, op, facet, lane.inflight?.handleId ?? '', answered(lane)]
  return createHash('sha256').update(JSON.stringify(step)).digest('base64url')
}

/** Writes of this step whose outcome is known. */
function answered({ inflight, work, undo }: Lane): number {
  if (inflight === undefined) return 0
  const step =
    inflight.op === 'restore'
      ? undo.find((u) => isUndoOf(u, inflight))
      : work.find((unit) => unit.revocationId === inflight.revocationId)
  return step?.answered ?? 0
}
