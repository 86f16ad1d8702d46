import type { Facet } from '../../../../src/connector-sdk/contract.ts'
import { type Intent, type Lane, laneId } from '../../../../src/revocation/lane.ts'
import { type Mutant, moveOf } from './mutants.ts'
import { createRandom } from './random.ts'
import { simWorker } from './sim-worker.ts'
import { calmWait, isAtRest, ROUGH, type SimStore, type Stage, type Weather } from './stage.ts'
import { createSimTarget } from './target.ts'
import { createWorld, type Process } from './world.ts'

export const FACETS: readonly Facet[] = ['account', 'session']
const KEY = { sourceId: 's', userId: 'u', appId: 'a' }
/** Until then things go wrong; afterwards everything works, and all that is owed must be done. */
const STORMY_MS = 1_500
const WORKERS = 3
const STEP_LIMIT = 20_000

/** Plays one schedule. @returns what went wrong, in words; empty when nothing did */
export function playSchedule(
  seed: number,
  mutant: Mutant = 'none',
  weather: Weather = ROUGH,
): string[] {
  const random = createRandom(seed)
  const world = createWorld(random)
  const target = createSimTarget(world, FACETS)
  const move = moveOf(mutant)
  const began = world.now()
  const store: SimStore = {
    lane: undefined,
    records: [],
    lies: [],
    move: (event, at = world.now()) => {
      const after = move(store.lane, event, at)
      if (after !== store.lane) store.lane = { ...after, rev: after.rev + 1 }
      return store.lane as Lane
    },
  }
  const intents = plan(random.between(1, 5))
  const stage: Stage = {
    world,
    store,
    target,
    mutant,
    weather,
    lastGeneration: intents.length,
    stormy: () => world.now() - began < STORMY_MS,
  }

  world.spawn(intake(stage, intents))
  for (let n = 0; n < WORKERS; n += 1) world.spawn(simWorker(stage, `w${n}`), random.between(0, 9))
  world.spawn(reaper(stage))
  world.spawn(projector(stage))
  world.after(STORMY_MS, () => target.heal())
  const { exhausted } = world.run(STEP_LIMIT)
  return [...(exhausted ? ['it never came to rest'] : []), ...faults(stage, intents)]
}

/** Deactivated, reactivated, deactivated …; now and then the same thing twice in a row. */
function plan(count: number): Intent[] {
  const intents: Intent[] = []
  for (let generation = 1; generation <= count; generation += 1) {
    const op = generation % 2 === 1 ? 'revoke' : 'restore'
    const units = op === 'restore' ? [] : FACETS.map((facet) => unit(generation, facet))
    intents.push({ generation, op, offboardingId: `o${generation}`, units, class: 0, wantedAt: 0 })
  }
  return intents
}

const unit = (generation: number, facet: Facet) => ({
  revocationId: `${generation}/${facet}`,
  facet,
  deadlineAt: 0,
})

function* intake({ world, store }: Stage, intents: readonly Intent[]): Process {
  for (const intent of intents) {
    yield world.random.chance(0.5) ? world.random.between(0, 60) : world.random.between(0, 400)
    const event = { kind: 'wanted', key: { id: laneId(KEY), ...KEY }, intent, priority: 0 } as const
    store.move(event)
    // The provider did not hear the answer and says it again.
    if (world.random.chance(0.2)) store.move(event)
  }
}

function* reaper(stage: Stage): Process {
  while (!isAtRest(stage)) {
    yield stage.world.random.between(20, 60)
    if (stage.store.lane !== undefined) stage.store.move({ kind: 'reaped' })
    yield calmWait(stage)
  }
}

function* projector(stage: Stage): Process {
  const { world, store } = stage
  while (!isAtRest(stage)) {
    yield world.random.between(10, 60)
    const seen = store.lane
    if (seen?.dirty === true) {
      yield world.random.between(0, 10)
      // Lost race or crash before the commit: nothing happened, the next round repeats it.
      if (store.lane === seen && !(stage.stormy() && world.random.chance(0.1))) {
        store.records.push(...seen.outbox)
        store.move({ kind: 'projected' })
      }
    }
    yield calmWait(stage)
  }
}

function faults({ store, target }: Stage, intents: readonly Intent[]): string[] {
  const found = [...store.lies]
  for (const { revocationId } of intents.flatMap(({ units }) => units)) {
    const count = store.records.filter((record) => record.revocationId === revocationId).length
    if (count !== 1) found.push(`${revocationId} has ${count} terminal records`)
  }
  for (const [index, effect] of target.effects.entries()) {
    // The same thing done twice in any order is harmless; an opposite older one is not.
    const newer = target.effects
      .slice(0, index)
      .find(
        (e) =>
          e.facet === effect.facet && e.live !== effect.live && e.generation > effect.generation,
      )
    if (newer !== undefined) {
      found.push(
        `an effect of generation ${effect.generation} came after one of ${newer.generation}`,
      )
    }
  }
  const last = intents.at(-1)
  const account = target.live.get('account')
  if (last?.op === 'revoke' && (account === true || target.live.get('session') === true)) {
    found.push('the last word was revoke, and something lives')
  }
  if (last?.op === 'restore' && account !== true) {
    found.push('the last word was restore, and the account is dead')
  }
  return found
}
