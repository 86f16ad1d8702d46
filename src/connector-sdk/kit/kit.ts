import { strict as assert } from 'node:assert'
import { inFreshWorld, type KitSession } from './session.ts'
import { trickCases, truthCases } from './truth-cases.ts'
import { wireCases } from './wire-cases.ts'
import type { KitHarness, KitWorld, Tricks } from './world.ts'

/** One named case: it passes when `run` resolves. */
export interface KitCase {
  name: string
  run(): Promise<void>
}

/**
 * What every connector must pass, as a list for any test runner:
 * `test.each(connectorKit(…).map(({ name, run }) => [name, run] as const))('%s', (_, run) => run())`.
 *
 * A harness says what it cannot do; a case that needs it then passes by that reason alone, and a harness that
 * neither can nor says why fails.
 */
export function connectorKit(harness: KitHarness): KitCase[] {
  const inWorld = (
    work: (session: KitSession) => Promise<void>,
    needs?: keyof Tricks | 'wire',
  ): (() => Promise<void>) => {
    return async () => {
      if (needs !== undefined && harness.cannot?.[needs] !== undefined) return
      await inFreshWorld(harness, async (session) => {
        if (needs !== undefined && !offers(session.world, needs)) return
        if (needs !== undefined && needs !== 'wire') session.world.tricks[needs]?.()
        await work(session)
      })
    }
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

function offers(world: KitWorld, needed: keyof Tricks | 'wire'): boolean {
  const has = needed === 'wire' ? world.wire !== undefined : world.tricks[needed] !== undefined
  assert.ok(has || world.cannot[needed] !== undefined, `the harness does not say why no ${needed}`)
  return has
}
