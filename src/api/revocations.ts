import { z } from 'zod'
import type { Principal } from '../auth/principal.ts'
import { FACETS } from '../connector-sdk/contract.ts'
import type { RevocationFilter, RevocationReader } from '../revocation/reader.ts'
import type { AppRecord } from '../revocation/types.ts'
import type { Clock } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { mayRead, VIEWERS, VIEWERS_AND_OWNERS } from './access.ts'
import { idField, nameField, pageOf, pageQuery, present, sourceIdField } from './fields.ts'
import { type AppsById, appsById, revocationAnswer, showRevocation } from './revocation-answer.ts'
import { defineRoute, type Route } from './route.ts'
import { invalid } from './validate.ts'

export interface RevocationsParts {
  revocations: Pick<RevocationReader, 'list' | 'revocation' | 'offboarding' | 'openSummary'>
  apps: { all(): Promise<AppRecord[]> }
  clock: Clock
}

const query = z.strictObject({
  ...pageQuery,
  source: sourceIdField.optional(),
  user: idField.optional().meta({ description: 'SCIM id; needs `source`' }),
  app: idField.optional(),
  offboarding: idField.optional(),
  facet: z.enum(FACETS).optional(),
  state: revocationAnswer.shape.state.optional(),
  reason: z
    .enum([
      'ambiguous-match',
      'no-account-found',
      'manual-app',
      'forbidden',
      'invalid',
      'unsupported',
      'protected',
      'contradicted',
      'unobservable',
      'connector-bug',
    ])
    .optional(),
  owner: nameField.optional(),
  grade: z.enum(['A', 'B', 'C', 'F']).optional(),
  assignee: nameField.optional(),
  open: z.literal('true').optional(),
  overdue: z.literal('true').optional(),
})

const detail = revocationAnswer.extend({
  subject: z
    .object({ userName: z.string(), displayName: z.string().optional() })
    .optional()
    .meta({ description: 'Whose access it is; absent once the personal data have been erased' }),
})

/** Units of work and proof. An owner sees those of their own apps. */
export function revocationRoutes({ revocations, apps, clock }: RevocationsParts): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/revocations',
      summary: 'List revocations, earliest deadline first',
      allow: VIEWERS_AND_OWNERS,
      query,
      answers: { 200: { description: 'One page', schema: pageOf(revocationAnswer) } },
      handle: async ({ query: asked, principal }) => {
        const now = clock.now()
        const known = await appsById(apps)
        const page = await revocations.list(
          filterOf(asked, principal, known, now),
          present({ limit: asked.limit, cursor: asked.cursor }) as { limit: number },
        )
        return {
          status: 200,
          json: {
            items: page.items.map((item) => showRevocation(item, now, known)),
            ...present({ nextCursor: page.next }),
          },
        }
      },
    }),

    defineRoute({
      method: 'GET',
      path: '/revocations/{id}',
      summary: 'Read one revocation',
      allow: VIEWERS_AND_OWNERS,
      params: z.object({ id: idField }),
      answers: { 200: { description: 'With the name of the person', schema: detail } },
      handle: async ({ params, principal }) => {
        const revocation = await revocations.revocation(params.id)
        const known = await appsById(apps)
        if (revocation === null || !mayRead(principal, known.get(revocation.appId) ?? null)) {
          throw new HubError('ERR_NOT_FOUND', 'there is no such revocation')
        }
        const subject = (await revocations.offboarding(revocation.offboardingId))?.subject
        return {
          status: 200,
          json: {
            ...showRevocation(revocation, clock.now(), known),
            ...(subject === undefined
              ? {}
              : {
                  subject: {
                    userName: subject.userName,
                    ...present({ displayName: subject.displayName }),
                  },
                }),
          },
        }
      },
    }),

    defineRoute({
      method: 'GET',
      path: '/summary',
      summary: 'How much is owed now: in all and by app',
      allow: VIEWERS,
      answers: {
        200: {
          description: 'Counts of open revocations',
          schema: z.object({
            open: z.int(),
            overdue: z.int(),
            human: z.int(),
            byApp: z.array(
              z.object({ appId: z.string(), open: z.int(), overdue: z.int(), human: z.int() }),
            ),
          }),
        },
      },
      handle: async () => {
        const { open, overdue, human, byApp } = await revocations.openSummary(clock.now())
        return { status: 200, json: { open, overdue, human, byApp } }
      },
    }),
  ]
}

function filterOf(
  asked: z.infer<typeof query>,
  principal: Principal,
  known: AppsById,
  now: number,
): RevocationFilter {
  if (asked.user !== undefined && asked.source === undefined) {
    throw invalid([{ pointer: '/source', message: 'is needed with user: ids belong to a source' }])
  }
  // An owner who names another owner gets what both may read: nothing.
  const own = principal.role === 'owner' ? (principal.ownerName ?? '') : undefined
  if (own !== undefined && asked.owner !== undefined && asked.owner !== own) {
    throw new HubError('ERR_FORBIDDEN', 'your token lists the revocations of your own apps')
  }
  const owner = own ?? asked.owner
  return present({
    sourceId: asked.source,
    userId: asked.user,
    appId: asked.app,
    offboardingId: asked.offboarding,
    facet: asked.facet,
    state: asked.state,
    reason: asked.reason,
    appIds: owner === undefined ? undefined : idsOf(owner, known),
    grade: asked.grade,
    assignee: asked.assignee,
    open: asked.open === undefined ? undefined : true,
    overdueAt: asked.overdue === undefined ? undefined : now,
  }) as RevocationFilter
}

/** Of the apps that somebody answers for now. */
const idsOf = (owner: string, apps: AppsById): string[] =>
  [...apps].filter(([, { owners }]) => owners.includes(owner)).map(([id]) => id)
