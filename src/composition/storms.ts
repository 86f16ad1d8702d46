import { HUB } from '../api/acts.ts'
import type { StormDesk } from '../api/approval-storms.ts'
import { createStormGuard, createStormRelease } from '../intake/storm.ts'
import { createLaneDesk } from '../revocation/lane-desk.ts'
import { newId } from '../shared/ids.ts'
import { actRecorder } from './acts.ts'
import type { Parts } from './parts.ts'

/** For the intake: far more departures than usual hold what cannot be undone. */
export function stormGuard(parts: Pick<Parts, 'config' | 'stores' | 'entries' | 'vault'>) {
  const { config, stores } = parts
  const acts = actRecorder(parts)
  return createStormGuard({
    store: stores.stormStore,
    limits: { departures: config.stormDepartures, sharePercent: config.stormSharePercent },
    clock: stores.clock,
    newId,
    onHeld: async ({ id: storm, sourceId: source, departures }, tx) => {
      await acts.record(
        { principal: HUB, requestId: storm },
        { entry: { type: 'storm.held', storm, source, departures } },
        tx,
      )
    },
  })
}

/** For workers: carries out what two persons allowed. */
export function stormRelease({ stores, log }: Pick<Parts, 'stores' | 'log'>, poke: () => void) {
  const desk = createLaneDesk({ lanes: stores.lanes, clock: stores.clock, onChanged: poke })
  return createStormRelease({ store: stores.stormStore, unhold: desk.unhold, log })
}

/** For the API: what is held, and the act that lets it go on. */
export const stormDesk = ({ stores }: Pick<Parts, 'stores'>): StormDesk => ({
  storm: async (sourceId) => {
    const storm = await stores.stormStore.held(sourceId)
    if (storm === null) return null
    return { id: storm.id, departures: (await stores.stormStore.count(storm.id)).departures }
  },
  resume: async (stormId, tx) => {
    const sourceId = (await stores.stormStore.all('held')).find(
      ({ id }) => id === stormId,
    )?.sourceId
    if (sourceId === undefined) return 0
    const ids = await stores.stormStore.resume(sourceId, stores.clock.now(), tx)
    const counts = await Promise.all(ids.map((id) => stores.stormStore.count(id)))
    return counts.reduce((sum, { revocations }) => sum + revocations, 0)
  },
})
