import { z } from 'zod'
import type { AuditStore } from '../auth/audit-store.ts'
import type { RevocationReader } from '../revocation/reader.ts'
import type { AppRecord, Offboarding, Revocation } from '../revocation/types.ts'
import { type Instant, iso } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { READERS } from './access.ts'
import { idField, instantField, present, sourceIdField } from './fields.ts'
import { type AppsById, appsById } from './revocation-answer.ts'
import { defineRoute, type Route } from './route.ts'

export interface TimelineParts {
  revocations: Pick<RevocationReader, 'list' | 'offboardings'>
  audit: Pick<AuditStore, 'list'>
  apps: { all(): Promise<AppRecord[]> }
}

/** More than any one person has; beyond it the oldest are left out, and the answer says so. */
const MOST = 500

const event = z.object({
  at: instantField,
  kind: z.enum([
    'case.opened',
    'case.closed',
    'revocation.proven',
    'revocation.waived',
    'revocation.contradicted',
    'act',
  ]),
  text: z.string().meta({ description: 'One line for people' }),
  offboardingId: z.string().optional(),
  revocationId: z.string().optional(),
  appId: z.string().optional(),
  act: z.string().optional().meta({ description: 'Id in the audit trail' }),
})
type Event = Omit<z.infer<typeof event>, 'at'> & { at: Instant }

/** What happened to one person's access, in order. */
export function timelineRoutes({ revocations, audit, apps }: TimelineParts): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/users/{sourceId}/{userId}/timeline',
      summary: 'What happened to this person’s access, newest first',
      allow: READERS,
      params: z.object({ sourceId: sourceIdField, userId: idField }),
      answers: {
        200: {
          description: 'Events',
          schema: z.object({ items: z.array(event), truncated: z.boolean() }),
        },
      },
      handle: async ({ params: { sourceId, userId } }) => {
        const [cases, units, known] = await Promise.all([
          revocations.offboardings({ sourceId, userId }, { limit: 200 }),
          revocations.list({ sourceId, userId }, { limit: MOST }),
          appsById(apps),
        ])
        if (cases.items.length === 0) {
          throw new HubError('ERR_NOT_FOUND', 'nothing has happened to this user')
        }
        const ids = [userId, ...units.items.map(({ id }) => id)]
        const acts = await audit.list({ aboutAny: ids }, { limit: MOST })
        const all: Event[] = [
          ...cases.items.flatMap(ofCase),
          ...units.items.flatMap((unit) => ofRevocation(unit, known)),
          ...acts.items.map(({ id, at, type }) => ({
            at,
            kind: 'act' as const,
            text: type,
            act: id,
          })),
        ]
        all.sort((a, b) => b.at - a.at)
        return {
          status: 200,
          json: {
            items: all.slice(0, MOST).map((one) => ({ ...one, at: iso(one.at) })),
            truncated:
              all.length > MOST || [cases, units, acts].some((page) => page.next !== undefined),
          },
        }
      },
    }),
  ]
}

function ofCase({ id, openedAt, closedAt, kind, cause, forCause }: Offboarding): Event[] {
  const opened: Event = {
    at: openedAt,
    kind: 'case.opened',
    text: `${kind}${forCause ? ' for cause' : ''}, by ${cause.kind}`,
    offboardingId: id,
  }
  return closedAt === undefined
    ? [opened]
    : [opened, { at: closedAt, kind: 'case.closed', text: 'all is settled', offboardingId: id }]
}

function ofRevocation(
  { id, offboardingId, appId, facet, provenAt, verdict, waiver }: Revocation,
  apps: AppsById,
): Event[] {
  const what = `${apps.get(appId)?.name ?? appId}: ${facet}`
  const common = { offboardingId, revocationId: id, appId }
  const at = (when: Instant | undefined, kind: Event['kind'], text: string): Event[] =>
    when === undefined ? [] : [{ at: when, kind, text, ...present(common) } as Event]
  return [
    ...at(provenAt, 'revocation.proven', `${what} is gone, grade ${verdict?.grade ?? '?'}`),
    ...at(waiver?.at, 'revocation.waived', `${what} is waived`),
    ...at(
      verdict?.kind === 'contradicted' ? verdict.at : undefined,
      'revocation.contradicted',
      `${what} is still live`,
    ),
  ]
}
