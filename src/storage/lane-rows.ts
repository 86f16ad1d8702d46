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

export function laneRow(stored: Lane, rev: number): LaneRow {
  const { id, ...lane } = stored
  return {
    ...lane,
    _id: id,
    rev,
    waits: waits(stored),
    news: isNews(stored),
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
  const changed: Record<string, unknown> = { rev: before.rev + 1 }
  for (const name of Object.keys({ ...before, ...after }) as (keyof Lane)[]) {
    if (name !== 'id' && name !== 'rev' && before[name] !== after[name]) {
      changed[name] = after[name] ?? null
    }
  }
  if (waits(before) !== waits(after)) changed['waits'] = waits(after)
  if (isNews(before) !== isNews(after)) changed['news'] = isNews(after)
  return changed
}

const waits = ({ state }: Lane): boolean => state === 'ready' || state === 'held'
const isNews = ({ dirty, lease, outbox }: Lane): boolean =>
  dirty && (lease === undefined || outbox.length > 0)

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
