import type { ServerFacts } from '../storage/topology.ts'

/** One thing that was looked at. */
export interface Finding {
  what: string
  state: 'ok' | 'warn' | 'fail'
  detail: string
  /** What to do about it; absent when nothing is to be done. */
  todo?: string
}

export const ok = (what: string, detail: string): Finding => ({ what, state: 'ok', detail })
export const warn = (what: string, detail: string, todo: string): Finding => ({
  what,
  state: 'warn',
  detail,
  todo,
})
export const fail = (what: string, detail: string, todo: string): Finding => ({
  ...warn(what, detail, todo),
  state: 'fail',
})

const GIB = 2 ** 30

/** @param bytes on the disk that holds `where` */
export function disk(where: string, { free, total }: { free: number; total: number }): Finding {
  const share = free / total
  const detail = `${(free / GIB).toFixed(1)} GiB free of ${(total / GIB).toFixed(0)} (${where})`
  const todo = 'Make room: without it nothing is acknowledged, and nothing is revoked.'
  if (free < GIB || share < 0.02) return fail('disk', detail, todo)
  return free < 5 * GIB || share < 0.1 ? warn('disk', detail, todo) : ok('disk', detail)
}

/**
 * @param aheadMs of this machine
 * @param errorMs how wrong that figure itself may be
 */
export function clock(whose: string, aheadMs: number, errorMs: number): Finding {
  const apart = Math.max(0, Math.abs(aheadMs) - errorMs)
  const seconds = (Math.abs(aheadMs) / 1_000).toFixed(1)
  const detail = `this machine is ${seconds} s ${aheadMs < 0 ? 'behind' : 'ahead of'} ${whose}`
  const todo = 'Set the clocks by NTP: deadlines, signed times and tokens depend on them.'
  if (apart > 30_000) return fail('clock', detail, todo)
  return apart > 1_000 ? warn('clock', detail, todo) : ok('clock', detail)
}

/** The oldest version that is tested, and the oldest that can work. */
const TESTED_MAJOR = 8
const OLDEST_MAJOR = 6

/** @param isEmbedded one node is what an embedded database is */
export function database(facts: ServerFacts, isEmbedded: boolean): Finding[] {
  const unknown = (what: string): Finding =>
    warn(what, 'the user of MONGODB_URI may not ask', 'Give it the role clusterMonitor.')
  return [
    version(facts.version),
    facts.kind === 'mongos'
      ? ok('topology', 'mongos')
      : facts.voting === undefined
        ? unknown('topology')
        : members(facts.voting, facts.healthy, isEmbedded),
    facts.kind === 'mongos'
      ? ok('journal', 'not asked through a mongos')
      : facts.journaled === undefined
        ? unknown('journal')
        : facts.journaled
          ? ok('journal', 'a majority write is on disk when it is acknowledged')
          : fail(
              'journal',
              'writeConcernMajorityJournalDefault is false',
              'Set it to true in the replica set configuration: a power cut could take what was acknowledged.',
            ),
    facts.transactionLifetimeSeconds === undefined
      ? unknown('transactions')
      : lifetime(facts.transactionLifetimeSeconds),
    ...(facts.disk === undefined ? [] : [disk('MongoDB', facts.disk)]),
  ]
}

function version(text: string): Finding {
  const major = Number(text.split('.')[0])
  const detail = `MongoDB ${text}`
  if (major < OLDEST_MAJOR) {
    return fail('database', detail, `Upgrade to MongoDB ${TESTED_MAJOR}: snapshots are missing.`)
  }
  return major < TESTED_MAJOR
    ? warn('database', detail, `Upgrade to MongoDB ${TESTED_MAJOR}, which is what is tested.`)
    : ok('database', detail)
}

function members(voting: number, healthy: number | undefined, isEmbedded: boolean): Finding {
  const detail = `replica set, ${healthy ?? '?'} of ${voting} voting members are up`
  if (healthy !== undefined && healthy * 2 <= voting) {
    return fail(
      'topology',
      detail,
      'Bring members back: without a majority nothing is acknowledged.',
    )
  }
  if (healthy !== undefined && healthy < voting) {
    return warn('topology', detail, 'Bring the missing member back before another one fails.')
  }
  if (voting >= 3) return ok('topology', detail)
  return isEmbedded
    ? ok('topology', `${detail}: the embedded database; back it up`)
    : warn('topology', detail, 'Use three members: with fewer, one failure stops the hub.')
}

function lifetime(seconds: number): Finding {
  const detail = `transactionLifetimeLimitSeconds is ${seconds}`
  return seconds <= 30
    ? ok('transactions', detail)
    : warn(
        'transactions',
        detail,
        'Set it to 15: what a killed process leaves open holds its rows so long.',
      )
}
