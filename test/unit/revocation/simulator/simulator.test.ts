import { expect, test } from 'vitest'
import type { Mutant } from './mutants.ts'
import { playSchedule } from './schedule.ts'
import { DEADLY, ROUGH, type Weather } from './stage.ts'

/** `SEEDS=300000` for the long run. */
const SEEDS = Number(process.env['SEEDS'] ?? 4_000)

test('engine, any schedule of crashes, freezes and lost answers, keeps its invariants', () => {
  const began = performance.now()
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const faults = playSchedule(seed)
    if (faults.length > 0) expect.fail(`seed ${seed}: ${faults.join('; ')}`)
  }
  const perSecond = Math.round((SEEDS / (performance.now() - began)) * 1_000)
  console.info(`${SEEDS} schedules, ${perSecond} a second`)
}, 600_000)

test('engine, processes that die all the time, keeps its invariants', () => {
  for (let seed = 1; seed <= SEEDS / 10; seed += 1) {
    const faults = playSchedule(seed, 'none', DEADLY)
    if (faults.length > 0) expect.fail(`seed ${seed}: ${faults.join('; ')}`)
  }
}, 600_000)

test.each<[Mutant, number, Weather]>([
  ['no-quarantine', 20_000, ROUGH],
  ['no-superseded-record', 2_000, ROUGH],
  ['no-fence', 20_000, ROUGH],
  ['no-local-deadline', 20_000, ROUGH],
  ['reaper-sets-no-quarantine', 20_000, DEADLY],
  ['lost-write-is-not-undone', 20_000, ROUGH],
  ['newer-intent-overtakes-a-write', 20_000, ROUGH],
  ['restore-is-believed', 20_000, ROUGH],
])(
  'simulator, %s, is noticed',
  (mutant, seeds, weather) => {
    for (let seed = 1; seed <= seeds; seed += 1) {
      const faults = playSchedule(seed, mutant, weather)
      if (faults.length > 0) {
        console.info(`${mutant}: seed ${seed}: ${faults.join('; ')}`)
        return
      }
    }
    expect.fail(`${mutant} went unnoticed in ${seeds} schedules`)
  },
  600_000,
)
