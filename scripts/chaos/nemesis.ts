import { setTimeout as sleep } from 'node:timers/promises'
import { failMatrix } from './fail-matrix.ts'
import type { HubPlace, Hubs } from './hubs.ts'
import type { FailCommand, ReplicaSet } from './replica-set.ts'

/** How often each misfortune happens in a run. */
export interface Misfortunes {
  /** kill -9 of a hub process; every third one hits a mongod instead, every sixth one the primary. */
  kills: number
  stepdowns: number
  /** SIGSTOP of a hub process, for `freezeMs`: longer than a lease. */
  freezes: number
  freezeMs: number
  /** SIGSTOP of the primary. */
  databaseFreezes: number
  /** The link of a member carries nothing one way, or both. */
  cuts: number
  /** Commands fail at random for some seconds. */
  failPoints: number
  /** kill -9 of the primary, on top of those among `kills`. */
  primaryKills: number
  /** SIGTERM of a hub process, which must give its lanes back and end. */
  terms: number
  /** Every command × fault × number of times, one after the other. */
  failMatrix: boolean
  /** How long a frozen primary stays frozen; ms. */
  databaseFreezeMs: number
}

export interface Nemesis {
  /** Does one misfortune after the other; `ready(i)` says when the i-th of `count` may happen, `gapMs` after the last. */
  run(ready: (index: number, count: number, gapMs: number) => Promise<void>): Promise<void>
  /** Resolves when everything that was killed, frozen or cut is well again. */
  healed(): Promise<void>
  /** What was done, for the report. */
  done: Record<string, number>
}

/** Between two misfortunes at least. */
const GAP_MS = 2_000
const CUT_MS = 8_000
const FAIL_MS = 6_000
const MATRIX_MS = 400

const FAIL_POINTS: readonly FailCommand[] = [
  { failCommands: ['insert', 'update', 'find'], closeConnection: true },
  { failCommands: ['commitTransaction'], closeConnection: true },
  {
    failCommands: ['commitTransaction', 'update', 'insert'],
    errorCode: 11600,
    errorLabels: ['RetryableWriteError'],
  },
  {
    failCommands: ['commitTransaction', 'insert', 'update'],
    writeConcernError: { code: 91, errmsg: 'shutting down' },
  },
  { failCommands: ['find', 'aggregate', 'update'], blockConnection: true, blockTimeMS: 1_500 },
]

export function createNemesis(
  hubs: Hubs,
  set: ReplicaSet,
  misfortunes: Misfortunes,
  random: () => number,
  log: (line: string) => void,
  /** Told when a process has ended by itself: it may hold nothing any more. */
  ended: (pid: number) => Promise<void>,
): Nemesis {
  const done: Record<string, number> = {}
  /** Hubs and members that something is wrong with already. */
  const ill = new Set<string>()
  const recoveries = new Set<Promise<void>>()
  let kills = 0
  let cuts = 0
  let fails = 0
  const count = (name: string): void => {
    done[name] = (done[name] ?? 0) + 1
  }
  const pick = <T>(items: readonly T[]): T | undefined => items[Math.floor(random() * items.length)]
  const recovers = (name: string, work: () => Promise<void>): void => {
    ill.add(name)
    const recovery = work().finally(() => {
      ill.delete(name)
      recoveries.delete(recovery)
    })
    recoveries.add(recovery)
  }

  const wellHubs = (): HubPlace[] => hubs.places.filter(({ name }) => !ill.has(name))
  /** Two of three members must be well, or nothing can be acknowledged. */
  const mayHurtDatabase = (): boolean => ![...ill].some((name) => name.startsWith('mongod'))
  const waitUntil = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await sleep(100)
  }

  const killHub = async (): Promise<void> => {
    await waitUntil(() => wellHubs().length > 0)
    const hub = pick(wellHubs())
    if (hub === undefined) return
    log(`kill -9 hub ${hub.name}`)
    count('kill -9 of a hub')
    await hub.killNine()
    recovers(hub.name, async () => {
      await sleep(300 + random() * 2_000)
      await startAgain(hub)
    })
  }

  /** As a supervisor would: again, until it stays. */
  const startAgain = async (hub: HubPlace): Promise<void> => {
    for (;;) {
      try {
        return await hub.start()
      } catch (error) {
        log(`hub ${hub.name} did not start: ${String(error).slice(0, 300)}`)
        await hub.killNine()
        await sleep(500)
      }
    }
  }

  const killMember = async (wantPrimary: boolean): Promise<void> => {
    await waitUntil(mayHurtDatabase)
    const primary = await set.primary()
    const index = wantPrimary ? (primary ?? 0) : (pick([0, 1, 2].filter((i) => i !== primary)) ?? 0)
    log(`kill -9 mongod ${index}${index === primary ? ' (primary)' : ''}`)
    count(index === primary ? 'kill -9 of the primary' : 'kill -9 of a secondary')
    await set.killNine(index)
    recovers(`mongod ${index}`, async () => {
      await sleep(1_000 + random() * 3_000)
      await set.restart(index)
      await sleep(2_000)
    })
  }

  const freezeHub = async (): Promise<void> => {
    await waitUntil(() => wellHubs().length > 1)
    const workers = wellHubs().filter(({ roles }) => roles === 'all' || roles.includes('worker'))
    const hub = pick(workers.length > 0 ? workers : wellHubs())
    if (hub === undefined) return
    log(`SIGSTOP hub ${hub.name} for ${misfortunes.freezeMs / 1_000} s`)
    count('SIGSTOP of a hub past its leases')
    hub.freeze()
    recovers(hub.name, async () => {
      await sleep(misfortunes.freezeMs)
      hub.thaw()
    })
  }

  const freezePrimary = async (): Promise<void> => {
    await waitUntil(mayHurtDatabase)
    const index = (await set.primary()) ?? 0
    log(`SIGSTOP mongod ${index} (primary) for ${misfortunes.databaseFreezeMs / 1_000} s`)
    count('SIGSTOP of the primary')
    set.freeze(index)
    recovers(`mongod ${index}`, async () => {
      await sleep(misfortunes.databaseFreezeMs)
      set.thaw(index)
      await sleep(2_000)
    })
  }

  const cut = async (): Promise<void> => {
    await waitUntil(mayHurtDatabase)
    const primary = (await set.primary()) ?? 0
    const way = (['from', 'to', 'both'] as const)[cuts % 3] ?? 'both'
    const index = cuts % 4 === 3 ? (primary + 1) % 3 : primary
    cuts += 1
    log(`cut the link of mongod ${index}, ${way}, for ${CUT_MS / 1_000} s`)
    count(`link cut, ${way}`)
    set.cut(index, way)
    recovers(`mongod ${index}`, async () => {
      await sleep(CUT_MS)
      set.cut(index, undefined)
      await sleep(2_000)
    })
  }

  const failPoint = async (): Promise<void> => {
    await waitUntil(() => !ill.has('fail point'))
    const data = FAIL_POINTS[fails % FAIL_POINTS.length]
    fails += 1
    if (data === undefined) return
    log(`failCommand ${JSON.stringify(data)} for ${FAIL_MS / 1_000} s`)
    count('fail point')
    await set.failCommands({ activationProbability: 0.03 }, data)
    recovers('fail point', async () => {
      await sleep(FAIL_MS)
      await set.failCommands(null, { failCommands: [] })
    })
  }

  const stepDown = async (): Promise<void> => {
    await waitUntil(mayHurtDatabase)
    for (;;) {
      log('step down')
      if (await set.stepDown(6)) break
      await sleep(1_000)
    }
    count('step-down')
  }

  const kill = async (): Promise<void> => {
    kills += 1
    if (kills % 3 === 0) await killMember(kills % 6 === 3)
    else await killHub()
  }

  const terminate = async (): Promise<void> => {
    await waitUntil(() => wellHubs().length > 1)
    const hub = pick(wellHubs())
    if (hub === undefined) return
    count('SIGTERM of a hub')
    const pid = hub.pid()
    const { code, ms } = await hub.terminate()
    log(`SIGTERM hub ${hub.name}: ended with ${code} after ${ms} ms`)
    if (code !== 0) count('… that did not end with 0')
    if (ms > 10_000) count('… that took longer than 10 s')
    await ended(pid)
    recovers(hub.name, () => startAgain(hub))
  }

  /** One field of the matrix at a time: people go on leaving between them. */
  const matrix = failMatrix().map(({ data, times }) => async (): Promise<void> => {
    await waitUntil(() => !ill.has('fail point'))
    count('fail point of the matrix')
    await set.failCommands({ times }, data)
    await sleep(MATRIX_MS)
    await set.failCommands(null, { failCommands: [] })
  })

  const plan = shuffled(
    [
      ...Array<() => Promise<void>>(misfortunes.kills).fill(kill),
      ...Array<() => Promise<void>>(misfortunes.stepdowns).fill(stepDown),
      ...Array<() => Promise<void>>(misfortunes.freezes).fill(freezeHub),
      ...Array<() => Promise<void>>(misfortunes.databaseFreezes).fill(freezePrimary),
      ...Array<() => Promise<void>>(misfortunes.cuts).fill(cut),
      ...Array<() => Promise<void>>(misfortunes.failPoints).fill(failPoint),
      ...Array<() => Promise<void>>(misfortunes.primaryKills).fill(() => killMember(true)),
      ...Array<() => Promise<void>>(misfortunes.terms).fill(terminate),
      ...(misfortunes.failMatrix ? matrix : []),
    ],
    random,
  )

  return {
    done,
    run: async (ready) => {
      for (const [index, strike] of plan.entries()) {
        await ready(index, plan.length, matrix.includes(strike) ? 0 : GAP_MS)
        await strike()
      }
    },
    healed: async () => {
      while (recoveries.size > 0) await Promise.all(recoveries)
      await set.failCommands(null, { failCommands: [] })
    },
  }
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items]
  for (let i = result.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1))
    const [a, b] = [result[i], result[j]]
    if (a !== undefined && b !== undefined) [result[i], result[j]] = [b, a]
  }
  return result
}
