import type { EngineLog } from '../revocation/log.ts'
import { createLoop } from '../revocation/loop.ts'
import { type Clock, SECOND } from '../shared/clock.ts'
import { type AlertStore, alertId, type Finding } from './alert.ts'
import type { Look } from './look.ts'

/** How often everything is looked at. */
const EVERY_MS = 20 * SECOND

export interface Watch {
  start(): void
  stop(): Promise<void>
  /** One look at everything, without the loop. Throws what a look threw, after all were tried. */
  look(): Promise<void>
}

/**
 * Looks now and then: raises what the looks find, resolves what they no longer find. Idempotent, so any number of
 * processes may watch.
 */
export function createWatch(options: {
  alerts: Pick<AlertStore, 'raise' | 'resolve' | 'unresolved'>
  looks: readonly Look[]
  clock: Clock
  log: Pick<EngineLog, 'warn'>
  /** A new alert, for the log and for whoever is to be told. */
  onNew?(finding: Finding): void
}): Watch {
  const { alerts, clock } = options

  const once = async ({ findings }: Look, unresolved: ReadonlySet<string>): Promise<void> => {
    const before = new Set(unresolved)
    for await (const finding of findings(unresolved)) {
      // Known and still true: counting it again every few seconds would only be noise.
      if (before.delete(alertId(finding))) continue
      if (await alerts.raise(finding, clock.now())) options.onNew?.(finding)
    }
    if (before.size > 0) await alerts.resolve([...before], clock.now())
  }

  const look = async (): Promise<void> => {
    const failures: unknown[] = []
    // One question for all of them: most of the time there is nothing.
    const unresolved = await alerts.unresolved(options.looks.flatMap(({ rules }) => rules))
    for (const one of options.looks) {
      const own = unresolved.filter(({ rule }) => one.rules.includes(rule))
      // One that fails must not keep the others from looking.
      await once(one, new Set(own.map(({ id }) => id))).catch((error) => failures.push(error))
    }
    if (failures.length > 0) throw failures[0]
  }

  const loop = createLoop({
    name: 'watch',
    run: async () => {
      await look()
      return EVERY_MS
    },
    afterErrorMs: EVERY_MS,
    log: options.log,
  })
  return { look, start: loop.start, stop: loop.stop }
}
