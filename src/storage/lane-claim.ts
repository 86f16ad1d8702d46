import type { mongo } from 'mongoose'
import type { Lane } from '../revocation/lane.ts'
import { transition } from '../revocation/transition.ts'
import type { WorkerLaneStore } from '../revocation/worker-store.ts'
import type { Instant } from '../shared/clock.ts'
import { translated } from './errors.ts'
import { gathered } from './lane-batch.ts'
import { type LaneRow, laneOf } from './lane-rows.ts'
import { createStuckRows, isOutOfTime, LONGEST_MS } from './lane-stuck.ts'
import { type Swap, swapWrite } from './lane-swap.ts'

/** Candidates read per lane wanted, after a lost race: workers that race each other then lose less often. */
const CLAIM_WINDOW = 3
/** Apps whose claims go together. */
const MOST_APPS = 50

type Claim = Parameters<WorkerLaneStore['claim']>[0]

/**
 * Claims of several apps in one read and one write. Each app still has its own order and limit, and each claim its own
 * lease.
 */
export function createLaneClaim(
  lanes: mongo.Collection<LaneRow>,
): (claim: Claim) => Promise<Lane[]> {
  let claimWindow = 1
  const stuck = createStuckRows()

  /** @returns whether all of them are ours; otherwise some may be */
  const write = async (swaps: readonly Swap[]): Promise<boolean> => {
    const writes = swaps.map((swap) => swapWrite(swap))
    try {
      const { matchedCount } = await lanes.bulkWrite(writes, {
        ordered: false,
        maxTimeMS: LONGEST_MS,
      })
      return matchedCount === swaps.length
    } catch (error) {
      if (!isOutOfTime(error)) throw error
      return false
    }
  }

  const run = async (claims: readonly Claim[]): Promise<Lane[][]> => {
    const leftOut = stuck.present()
    const found = await candidates(lanes, claims, claimWindow + leftOut.size)
    const rows = found.filter(({ _id }) => !leftOut.has(_id))
    const taken = new Set<string>()
    const swaps = claims.map((claim) => swapsOf(claim, rows, taken))
    const all = swaps.flat()
    if (all.length === 0) return claims.map(() => [])
    const complete = await write(all)
    claimWindow = complete ? 1 : CLAIM_WINDOW
    if (complete) {
      return swaps.map((own) => own.map(({ before, after }) => ({ ...after, rev: before.rev + 1 })))
    }
    // Some were lost to a faster worker, or to a row that is stuck; the lease's id says which are ours.
    const tried = all.map(({ before }) => before.id)
    const stored = (await lanes.find({ _id: { $in: tried } }).toArray()).map(laneOf)
    const revs = new Map(stored.map(({ id, rev }) => [id, rev]))
    // In the order of the writes: the first that nobody has moved is the one at which they ended.
    const unmoved = all.find(({ before }) => revs.get(before.id) === before.rev)
    if (unmoved !== undefined) stuck.add(unmoved.before.id)
    return claims.map(({ lease }) => stored.filter((lane) => lane.lease?.id === lease.id))
  }

  const claimTogether = gathered({
    most: MOST_APPS,
    run: (claims: readonly Claim[]) => translated(() => run(claims)),
  })
  // Two workers of one process take turns at an app: side by side, each would see the other's leases and give back.
  const turns = new Map<string, Promise<unknown>>()
  return (claim) => {
    const mine = (turns.get(claim.appId) ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => claimTogether(claim))
    turns.set(claim.appId, mine)
    return mine
  }
}

/** How many lanes of each app how many other holders have on lease; looks of several apps go together. */
export function createLeaseCount(
  lanes: mongo.Collection<LaneRow>,
): (look: {
  appId: string
  holder: string
  now: Instant
}) => Promise<{ lanes: number; holders: number }> {
  return gathered({
    most: MOST_APPS,
    run: (looks) =>
      translated(async () => {
        const now = Math.min(...looks.map((look) => look.now))
        const leased = await lanes
          .aggregate<{ _id: { appId: string; holder: string }; count: number }>([
            {
              $match: {
                appId: { $in: [...new Set(looks.map(({ appId }) => appId))] },
                'lease.until': { $gt: Math.max(now, 0) },
              },
            },
            { $group: { _id: { appId: '$appId', holder: '$lease.holder' }, count: { $sum: 1 } } },
          ])
          .toArray()
        return looks.map(({ appId, holder }) => {
          const others = leased.filter(({ _id }) => _id.appId === appId && _id.holder !== holder)
          return {
            lanes: others.reduce((sum, { count }) => sum + count, 0),
            holders: others.length,
          }
        })
      }),
  })
}

async function candidates(
  lanes: mongo.Collection<LaneRow>,
  claims: readonly Claim[],
  window: number,
): Promise<LaneRow[]> {
  const [only, ...others] = claims
  if (only === undefined) return []
  if (others.length === 0) {
    return await lanes
      .find(dueOf(only))
      .sort(SORT[only.order])
      .limit(only.limit * window)
      .toArray()
  }
  const pipeline = (claim: Claim) => [
    { $match: dueOf(claim) },
    { $sort: SORT[claim.order] },
    { $limit: claim.limit * window },
  ]
  return await lanes
    .aggregate<LaneRow>([
      ...pipeline(only),
      ...others.map((claim) => ({ $unionWith: { coll: 'lanes', pipeline: pipeline(claim) } })),
    ])
    .toArray()
}

const dueOf = ({ appId, now }: Claim) => ({ waits: true, appId, dueAt: { $lte: now } })

const SORT: Readonly<Record<Claim['order'], Record<string, 1>>> = {
  priority: { priority: 1, dueAt: 1 },
  age: { dueAt: 1 },
}

function swapsOf(claim: Claim, rows: readonly LaneRow[], taken: Set<string>): Swap[] {
  const { appId, lease, now, limit, order } = claim
  const own = rows.filter((row) => row.appId === appId && !taken.has(row._id))
  return inDrawnOrder(own, order)
    .slice(0, limit)
    .flatMap((row) => {
      const before = laneOf(row)
      const after = transition(before, { kind: 'claimed', lease }, now)
      if (after === before) return []
      taken.add(row._id)
      return [{ before, after }]
    })
}

/** Most urgent first; those of the same urgency in random order, so that workers do not race for one row. */
function inDrawnOrder(rows: readonly LaneRow[], order: Claim['order']): LaneRow[] {
  const result = [...rows]
  for (let i = result.length - 1; i > 0; i -= 1) {
    const j = Math.floor(Math.random() * (i + 1))
    const [a, b] = [result[i], result[j]]
    if (a !== undefined && b !== undefined) [result[i], result[j]] = [b, a]
  }
  return order === 'priority' ? result.sort((a, b) => a.priority - b.priority) : result
}
