import type { Lane } from '../revocation/lane.ts'

/** A lane as stored: `_id` for `id`, null for what is not there, and what only the indexes need. */
export type LaneRow = {
  _id: string
  /** Somebody may claim it: `ready` or `held`. */
  waits: boolean
  /** The projector should look: `dirty`, and nobody is about to move it again. */
  news: boolean
  /** Names the batch that wrote it; see lane-swap.ts. */
  stamp?: string
} & {
  [K in keyof Omit<Lane, 'id'>]: undefined extends Lane[K]
    ? Exclude<Lane[K], undefined> | null
    : Lane[K]
}

export function laneRow({ id, ...lane }: Lane, rev: number): LaneRow {
  return {
    ...lane,
    _id: id,
    rev,
    waits: lane.state === 'ready' || lane.state === 'held',
    news: lane.dirty && (lane.lease === undefined || lane.outbox.length > 0),
    want: lane.want ?? null,
    current: lane.current ?? null,
    lease: lane.lease ?? null,
    inflight: lane.inflight ?? null,
    heldUntil: lane.heldUntil ?? null,
    quarantine: lane.quarantine ?? null,
  }
}

/**
 * What of a stored lane changes, for `$set`: `transition` keeps the parts that it does not touch, so that the same
 * reference means the same value. A few hundred bytes instead of a few KiB go to the server and into its journal.
 *
 * @param before as stored, at the rev that the write names in its filter
 */
export function laneChange(before: Lane, after: Lane): Partial<LaneRow> {
  const [old, fresh] = [laneRow(before, before.rev), laneRow(after, before.rev + 1)]
  return Object.fromEntries(
    Object.entries(fresh).filter(([name, value]) => old[name as keyof LaneRow] !== value),
  )
}

export function laneOf({ _id, waits: _, news: _news, stamp: _stamp, ...row }: LaneRow): Lane {
  return {
    ...row,
    id: _id,
    want: row.want ?? undefined,
    current: row.current ?? undefined,
    lease: row.lease ?? undefined,
    inflight: row.inflight ?? undefined,
    heldUntil: row.heldUntil ?? undefined,
    quarantine: row.quarantine ?? undefined,
  }
}
