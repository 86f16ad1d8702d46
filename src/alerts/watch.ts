import type { Revocation } from '../revocation/types.ts'
import { type Clock, SECOND } from '../shared/clock.ts'
import { type AlertStore, alertId, type Finding } from './alert.ts'
import { REVOCATION_RULES, revocationFindings } from './revocation-findings.ts'

/** How often everything that is open is looked at. */
const EVERY_MS = 15 * SECOND
const PAGE = 200

export interface Watch {
  start(): void
  stop(): Promise<void>
  /** One look, without the loop. */
  look(): Promise<void>
}

/**
 * Looks at all open revocations now and then: raises what the rules find, resolves what they no longer find.
 * Idempotent, so any number of processes may watch.
 */
export function createWatch(options: {
  alerts: Pick<AlertStore, 'raise' | 'resolve' | 'unresolved'>
  /** Open revocations, page by page. */
  openRevocations(paging: {
    limit: number
    cursor?: string
  }): Promise<{ items: Revocation[]; next?: string }>
  clock: Clock
  log: { warn(fields: object, message: string): void }
  /** A new alert, for the log and for whoever is to be told. */
  onNew?(finding: Finding): void
}): Watch {
  const { alerts, clock } = options
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()

  const look = async (): Promise<void> => {
    const before = new Set(await alerts.unresolved(REVOCATION_RULES))
    let cursor: string | undefined
    do {
      const page = await options.openRevocations({
        limit: PAGE,
        ...(cursor === undefined ? {} : { cursor }),
      })
      for (const revocation of page.items) {
        for (const finding of revocationFindings(revocation, clock.now())) {
          const id = alertId(finding)
          // Known and still true: counting it again every few seconds would only be noise.
          if (before.delete(id)) continue
          if (await alerts.raise(finding, clock.now())) options.onNew?.(finding)
        }
      }
      cursor = page.next
    } while (cursor !== undefined)
    if (before.size > 0) await alerts.resolve([...before], clock.now())
  }

  const round = (): void => {
    running = look()
      .catch((error: unknown) =>
        options.log.warn({ err: error }, 'the watch failed; it looks again'),
      )
      .then(() => {
        if (timer !== undefined) timer = setTimeout(round, EVERY_MS)
      })
  }

  return {
    look,
    start: () => {
      timer = setTimeout(round, 0)
    },
    stop: async () => {
      clearTimeout(timer)
      timer = undefined
      await running
    },
  }
}
