import { z } from 'zod'
import type { RevocationReader } from '../revocation/reader.ts'
import { type Clock, iso } from '../shared/clock.ts'
import { EVERYBODY } from './access.ts'
import { instantField, present } from './fields.ts'
import type { LedgerPort } from './ledger.ts'
import { defineRoute, type Route } from './route.ts'

export interface StatusParts {
  revocations: Pick<RevocationReader, 'openSummary'>
  ledger: Pick<LedgerPort, 'status'>
  sources: { all(): Promise<readonly { id: string }[]> }
  apps: { all(): Promise<readonly { state: string; removedAt?: number }[]> }
  version: string
  clock: Clock
}

/** The hub at a glance. What one process lacks is at /readyz. */
export function statusRoutes(parts: StatusParts): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/status',
      summary: 'The hub at a glance: what is owed, how far the ledger is',
      allow: EVERYBODY,
      answers: {
        200: {
          description: 'Now',
          schema: z.object({
            version: z.string(),
            at: instantField.meta({ description: 'By the database’s clock' }),
            sources: z.int(),
            apps: z.object({ active: z.int(), paused: z.int() }),
            revocations: z.object({
              open: z.int(),
              overdue: z.int(),
              human: z.int(),
              earliestDeadlineAt: instantField.optional(),
            }),
            ledger: z.object({
              sealed: z.int(),
              signed: z.int(),
              unsigned: z.int().meta({ description: 'Sealed, and not signed yet' }),
            }),
          }),
        },
      },
      handle: async () => {
        const now = parts.clock.now()
        const [summary, ledger, sources, apps] = await Promise.all([
          parts.revocations.openSummary(now),
          parts.ledger.status(),
          parts.sources.all(),
          parts.apps.all(),
        ])
        const covered = apps.filter((app) => app.removedAt === undefined)
        const paused = covered.filter((app) => app.state === 'paused').length
        const { open, overdue, human, earliestDeadlineAt: first } = summary
        const sealed = ledger.sealed.size
        const signed = ledger.signed?.size ?? 0
        return {
          status: 200,
          json: {
            version: parts.version,
            at: iso(now),
            sources: sources.length,
            apps: { active: covered.length - paused, paused },
            revocations: {
              open,
              overdue,
              human,
              ...present({ earliestDeadlineAt: first === undefined ? undefined : iso(first) }),
            },
            ledger: { sealed, signed, unsigned: sealed - signed },
          },
        }
      },
    }),
  ]
}
