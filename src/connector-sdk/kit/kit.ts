import { strict as assert } from 'node:assert'
import { inFreshWorld, type KitWork } from './session.ts'
import { trickCases, truthCases } from './truth-cases.ts'
import { wireCases } from './wire-cases.ts'
import type { KitHarness, KitWorld, Tricks } from './world.ts'

/** One named case: it passes when `run` resolves. */
export interface KitCase {
  name: string
  /** @param notApplicable is told why, when the case does not apply to this connector */
  run(notApplicable?: (why: string) => void): Promise<void>
}

/** The names of all cases, in order. */
export const KIT_CASES: readonly string[] = [
  truthCases,
  ...Object.values(trickCases),
  wireCases,
].flatMap((cases) => Object.keys(cases))

/**
 * What every connector must pass, as a list for any test runner:
 * `test.each(connectorKit(…).map(({ name, run }) => [name, run] as const))('%s', (_, run) => run())`.
 *
 * A harness says what it cannot do; a case that needs it then passes by that reason alone, and a harness that
 * neither can nor says why fails.
 */
export function connectorKit(harness: KitHarness): KitCase[] {
  const inWorld =
    (work: KitWork, needs?: keyof Tricks | 'wire'): KitCase['run'] =>
    async (notApplicable = () => {}) => {
      const known = needs === undefined ? undefined : harness.cannot?.[needs]
      const why =
        known ??
        (await inFreshWorld(harness, async (session) => {
          const missing = needs === undefined ? undefined : whyNot(session.world, needs)
          if (missing !== undefined) return missing
          if (needs !== undefined && needs !== 'wire') session.world.tricks[needs]?.()
          return work(session)
        }))
      if (why !== undefined) notApplicable(why)
    }
  return [
    ...Object.entries(truthCases).map(([name, work]) => ({ name, run: inWorld(work) })),
    ...Object.entries(trickCases).flatMap(([trick, cases]) =>
      Object.entries(cases).map(([name, work]) => ({
        name,
        run: inWorld(work, trick as keyof Tricks),
      })),
    ),
    ...Object.entries(wireCases).map(([name, work]) => ({ name, run: inWorld(work, 'wire') })),
  ]
}

/** Why this world does not offer what a case needs; undefined: it does. */
function whyNot(world: KitWorld, needed: keyof Tricks | 'wire'): string | undefined {
  const has = needed === 'wire' ? world.wire !== undefined : world.tricks[needed] !== undefined
  const why = world.cannot[needed]
  assert.ok(has || why !== undefined, `the harness does not say why no ${needed}`)
  return has ? undefined : why
}
