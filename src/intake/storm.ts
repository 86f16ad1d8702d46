import type { EngineLog } from '../revocation/log.ts'
import { createLoop, type Loop } from '../revocation/loop.ts'
import { assertNever } from '../shared/assert-never.ts'
import { type Clock, HOUR, type Instant, MINUTE, SECOND } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import type { Transaction } from '../shared/transaction.ts'

/** From when on departures are a storm. */
export interface StormLimits {
  /** Within an hour, of one source; 0 switches the guard off. */
  departures: number
  /** The same as a share of the people of the source, in percent; 0: by number alone. */
  sharePercent: number
}

/** Of few people, a few are a large share. */
const LEAST_DEPARTURES = 20

/** @param seen.people of the source, before they left */
export function isStorm(
  { departures, people }: { departures: number; people: number },
  limits: StormLimits,
): boolean {
  if (limits.departures === 0) return false
  if (departures >= limits.departures) return true
  return (
    limits.sharePercent > 0 &&
    departures >= LEAST_DEPARTURES &&
    departures * 100 >= limits.sharePercent * people
  )
}

/** Departures of one source that are held together. */
export interface Storm {
  id: string
  sourceId: string
  /** `resumed`: two persons let it go on; `over`: everything of it goes on again. */
  state: 'held' | 'resumed' | 'over'
  openedAt: Instant
  resumedAt?: Instant
}

export interface StormStore {
  /** Cases of the source since then; counted up to `most`. */
  departuresSince(sourceId: string, since: Instant, most: number): Promise<number>
  /** People of the source, active or not; counted up to `most`. */
  people(sourceId: string, most: number): Promise<number>
  /** The oldest one that is held, of this source. */
  held(sourceId: string): Promise<Storm | null>
  resumedSince(sourceId: string, since: Instant): Promise<boolean>
  /** Keeps it, and writes nothing when it is there already. @returns how it stands then */
  keep(
    storm: Pick<Storm, 'id' | 'sourceId' | 'openedAt'>,
    tx: Transaction,
  ): Promise<'new' | Storm['state']>
  /** Lets everything that is held of the source go on, from the commit on. @returns ids */
  resume(sourceId: string, now: Instant, tx: Transaction): Promise<string[]>
  all(state: Storm['state']): Promise<Storm[]>
  /** Ids of those that are over, and hold something all the same: it was committed after the last look. */
  leftovers(): Promise<string[]>
  /** Newest first. @throws HubError ERR_INVALID_CURSOR */
  list(
    filter: { sourceId?: string; state?: Storm['state'] },
    paging: { limit: number; cursor?: string },
  ): Promise<{ items: Storm[]; next?: string }>
  /** What it holds and still owes. */
  count(id: string): Promise<{ departures: number; revocations: number }>
  /** Some of what it holds, in the order of their ids, from the one after `after` on. */
  someHeld(
    id: string,
    limit: number,
    after?: string,
  ): Promise<{ revocationId: string; laneId: string }[]>
  unhold(revocationIds: readonly string[]): Promise<void>
  end(id: string): Promise<void>
}

/** What the hub knows of the departures of one source when a change is planned. */
export interface Weather {
  /** Called once for each departure that is planned: id of the storm that it is part of, if any. */
  departure(): string | undefined
}

export interface StormGuard {
  weather(sourceId: string): Promise<Weather>
  /**
   * In the transaction that writes what is held.
   * @throws HubError ERR_CONFLICT when the storm was let go on meanwhile: plan again
   */
  keep(storm: { id: string; sourceId: string }, tx: Transaction): Promise<void>
}

/** What was counted is used for this long; what passed through this process meanwhile is added. */
const COUNTED_MS = 2 * SECOND
const PEOPLE_MS = 5 * MINUTE
const MOST_PEOPLE = 1_000_000

interface Count {
  departures: number
  people: number
  allowed: boolean
  stormId: string
  until: Instant
}

/**
 * Counts departures by source. Several processes may count a few too many or too few at the edge: the guard is a fuse,
 * not a quota. Once two persons have let a storm go on, the source may go on for an hour.
 */
export function createStormGuard(options: {
  store: Pick<StormStore, 'departuresSince' | 'people' | 'held' | 'resumedSince' | 'keep'>
  limits: StormLimits
  clock: Clock
  newId(): string
  /** A storm begins to hold: in the transaction that keeps it. @param storm.departures within the hour */
  onHeld?(
    storm: { id: string; sourceId: string; departures: number },
    tx: Transaction,
  ): Promise<void>
}): StormGuard {
  const { store, limits, clock, onHeld } = options
  const counts = new Map<string, Count>()
  /** In a burst, one look serves all. */
  const counting = new Map<string, Promise<Count>>()
  const peopled = new Map<string, { people: number; until: Instant }>()

  const peopleOf = async (sourceId: string, now: Instant): Promise<number> => {
    const known = peopled.get(sourceId)
    if (known !== undefined && now < known.until) return known.people
    const people = await store.people(sourceId, MOST_PEOPLE)
    peopled.set(sourceId, { people, until: now + PEOPLE_MS })
    return people
  }
  const countOf = async (sourceId: string): Promise<Count> => {
    const known = counts.get(sourceId)
    if (known !== undefined && clock.now() < known.until) return known
    const running = counting.get(sourceId)
    if (running !== undefined) return await running
    const fresh = count(sourceId, known).finally(() => counting.delete(sourceId))
    counting.set(sourceId, fresh)
    return await fresh
  }
  const count = async (sourceId: string, known: Count | undefined): Promise<Count> => {
    const now = clock.now()
    const since = now - HOUR
    const [departures, people, allowed, held] = await Promise.all([
      store.departuresSince(sourceId, since, limits.departures),
      peopleOf(sourceId, now),
      store.resumedSince(sourceId, since),
      store.held(sourceId),
    ])
    const stormId = held?.id ?? known?.stormId ?? options.newId()
    const fresh = { departures, people, allowed, stormId, until: now + COUNTED_MS }
    counts.set(sourceId, fresh)
    return fresh
  }

  return {
    weather: async (sourceId) => {
      if (limits.departures === 0) return { departure: () => undefined }
      const seen = await countOf(sourceId)
      return {
        departure: () => {
          seen.departures += 1
          return !seen.allowed && isStorm(seen, limits) ? seen.stormId : undefined
        },
      }
    },
    keep: async ({ id, sourceId }, tx) => {
      const seen = counts.get(sourceId)
      const state = await store.keep({ id, sourceId, openedAt: clock.now() }, tx)
      switch (state) {
        case 'new':
          return await onHeld?.({ id, sourceId, departures: seen?.departures ?? 0 }, tx)
        case 'held':
          return
        case 'resumed':
        case 'over':
          // What was counted is old news, and so is the id: nobody lets go of an old storm twice.
          if (seen?.stormId === id) counts.delete(sourceId)
          throw new HubError('ERR_CONFLICT', 'the storm was let go on meanwhile; try again')
        default:
          return assertNever(state)
      }
    },
  }
}

const BATCH = 200
const EVERY_MS = 10 * SECOND
/** Leftovers are rare: they are looked for at the start and then once a minute. */
const ROUNDS_BETWEEN = 6

/**
 * Carries out what two persons allowed: lanes and revocations of resumed storms are held no more. Safe to repeat. What
 * was planned before and is committed after the last look at a storm is let go on within a minute. A lane that cannot be
 * let go on is said in the log, once by each process, and tried again; it keeps no other waiting.
 */
export function createStormRelease(options: {
  store: Pick<StormStore, 'all' | 'leftovers' | 'someHeld' | 'unhold' | 'end'>
  /** Lets the lane go on. @throws HubError ERR_NOT_FOUND */
  unhold(laneId: string, stormId: string): Promise<void>
  log: EngineLog
}): Loop & { round(withLeftovers?: boolean): Promise<void> } {
  const { store, log } = options
  let rounds = 0
  const told = new Set<string>()

  /** @returns false when it must be tried again */
  const letGo = async (laneId: string, stormId: string): Promise<boolean> => {
    try {
      await options.unhold(laneId, stormId)
      return true
    } catch (error) {
      if (!told.has(laneId)) log.error({ stormId, err: error }, 'a lane of a storm stays held')
      told.add(laneId)
      return false
    }
  }

  /** @returns whether everything of it goes on */
  const release = async (stormId: string): Promise<boolean> => {
    let complete = true
    let after: string | undefined
    for (;;) {
      const held = await store.someHeld(stormId, BATCH, after)
      if (held.length === 0) return complete
      const stuck = new Set<string>()
      for (const laneId of new Set(held.map((one) => one.laneId))) {
        if (!(await letGo(laneId, stormId))) stuck.add(laneId)
      }
      const freed = held.filter(({ laneId }) => !stuck.has(laneId))
      // After the lanes: killed in between, it is done again.
      await store.unhold(freed.map(({ revocationId }) => revocationId))
      if (freed.length < held.length) complete = false
      after = held.at(-1)?.revocationId
    }
  }

  const round = async (withLeftovers = true): Promise<void> => {
    for (const { id } of await store.all('resumed')) if (await release(id)) await store.end(id)
    if (withLeftovers) for (const id of await store.leftovers()) await release(id)
  }
  const loop = createLoop({
    name: 'storm release',
    run: async () => {
      await round(rounds % ROUNDS_BETWEEN === 0)
      rounds += 1
      return EVERY_MS
    },
    log,
  })
  return { ...loop, round }
}
