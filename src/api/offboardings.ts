import { z } from 'zod'
import type { RevocationReader } from '../revocation/reader.ts'
import type { AppRecord, Offboarding } from '../revocation/types.ts'
import { type Clock, iso } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import type { Transactor } from '../shared/transaction.ts'
import { OPERATORS, READERS } from './access.ts'
import {
  idField,
  instantField,
  instants,
  pageOf,
  pageQuery,
  present,
  sourceIdField,
} from './fields.ts'
import { appsById, revocationAnswer, showRevocation } from './revocation-answer.ts'
import { defineRoute, type Route } from './route.ts'
import { invalid } from './validate.ts'

/** Opens a case for a person whom the provider still shows as active, or who has to be gone at once. */
interface OpenByHand {
  /**
   * One transaction, like a change that came by SCIM: the one of `transactor`.
   *
   * @throws HubError ERR_NOT_FOUND when the source has no such user
   */
  openByHand(request: {
    sourceId: string
    userId: string
    /** Moves every class up by one. */
    forCause: boolean
    requestId: string
    transactor: Transactor
  }): Promise<{ offboardingId: string }>
}

export interface OffboardingsParts {
  revocations: Pick<RevocationReader, 'offboarding' | 'offboardings' | 'ofOffboarding'>
  apps: { all(): Promise<AppRecord[]> }
  byHand: OpenByHand
  certificates: {
    /** The `.quittance.zip` of a case; nothing while nothing of it is sealed. */
    certificate(offboardingId: string): Promise<Buffer | null | undefined>
  }
  publicUrl: string
  clock: Clock
}

export const offboardingAnswer = z.object({
  id: z.string(),
  sourceId: z.string(),
  userId: z.string(),
  generation: z.int(),
  kind: z.enum(['leaver', 'mover']),
  cause: z.object({ kind: z.string(), requestId: z.string(), receivedAt: instantField }),
  subject: z
    .object({ userName: z.string(), displayName: z.string().optional() })
    .optional()
    .meta({ description: 'Absent once the personal data have been erased' }),
  forCause: z.boolean(),
  openedAt: instantField,
  state: z.enum(['open', 'closed']),
  closedAt: instantField.optional(),
  expected: z.object({ count: z.int(), root: z.string() }),
  certificate: z.string().meta({ description: 'Address of the proof bundle' }),
})

/** A case as people see it. */
export function showOffboarding(
  offboarding: Offboarding,
  publicUrl: string,
): z.infer<typeof offboardingAnswer> {
  const { cause, expected } = offboarding
  // Erasure empties the copy of the person, whatever the type says.
  const subject = offboarding.subject as Offboarding['subject'] | undefined
  return {
    id: offboarding.id,
    sourceId: offboarding.sourceId,
    userId: offboarding.userId,
    generation: offboarding.generation,
    kind: offboarding.kind,
    cause: { kind: cause.kind, requestId: cause.requestId, receivedAt: iso(cause.receivedAt) },
    ...(subject?.userName === undefined
      ? {}
      : {
          subject: { userName: subject.userName, ...present({ displayName: subject.displayName }) },
        }),
    forCause: offboarding.forCause,
    openedAt: iso(offboarding.openedAt),
    state: offboarding.state,
    ...instants({ closedAt: offboarding.closedAt }),
    expected: { count: expected.count, root: expected.root },
    certificate: certificateUrl(publicUrl, offboarding.id),
  }
}

export const certificateUrl = (publicUrl: string, id: string): string =>
  `${publicUrl}/api/v1/offboardings/${id}/certificate`

/** Cases: listed, read, opened by hand, and their certificates. */
export function offboardingRoutes(parts: OffboardingsParts): Route[] {
  const { revocations, publicUrl, clock } = parts
  const params = z.object({ id: idField })
  const notFound = (): HubError => new HubError('ERR_NOT_FOUND', 'there is no such offboarding')
  return [
    defineRoute({
      method: 'GET',
      path: '/offboardings',
      summary: 'List cases, newest first',
      allow: READERS,
      query: z.strictObject({
        ...pageQuery,
        source: sourceIdField.optional(),
        user: idField.optional().meta({ description: 'SCIM id; needs `source`' }),
        state: z.enum(['open', 'closed']).optional(),
      }),
      answers: { 200: { description: 'One page', schema: pageOf(offboardingAnswer) } },
      handle: async ({ query }) => {
        if (query.user !== undefined && query.source === undefined) {
          throw invalid([
            { pointer: '/source', message: 'is needed with user: ids belong to a source' },
          ])
        }
        const page = await revocations.offboardings(
          present({ sourceId: query.source, userId: query.user, state: query.state }),
          present({ limit: query.limit, cursor: query.cursor }) as { limit: number },
        )
        return {
          status: 200,
          json: {
            items: page.items.map((item) => showOffboarding(item, publicUrl)),
            ...present({ nextCursor: page.next }),
          },
        }
      },
    }),

    defineRoute({
      method: 'GET',
      path: '/offboardings/{id}',
      summary: 'Read one case with all of its revocations',
      allow: READERS,
      params,
      answers: {
        200: {
          description: 'The committed set, whole',
          schema: offboardingAnswer.extend({ revocations: z.array(revocationAnswer) }),
        },
      },
      handle: async ({ params: { id } }) => {
        const offboarding = await revocations.offboarding(id)
        if (offboarding === null) throw notFound()
        const items = await revocations.ofOffboarding(id)
        const now = clock.now()
        const apps = await appsById(parts.apps)
        return {
          status: 200,
          json: {
            ...showOffboarding(offboarding, publicUrl),
            revocations: items.map((item) => showRevocation(item, now, apps)),
          },
        }
      },
    }),

    defineRoute({
      method: 'POST',
      path: '/offboardings',
      summary: 'Open a case by hand: all access of the person is revoked',
      allow: OPERATORS,
      body: z.strictObject({
        sourceId: sourceIdField,
        userId: idField,
        forCause: z
          .boolean()
          .default(false)
          .meta({ description: 'Deadlines of the next higher class' }),
      }),
      answers: {
        201: {
          description: 'Committed; the work has begun',
          schema: z.object({ id: z.string() }),
        },
      },
      handle: async ({ body, requestId, acts }) => {
        const { offboardingId } = await parts.byHand.openByHand({
          ...body,
          requestId,
          transactor: acts.transactor({
            entry: { type: 'admin.acted', kind: 'offboarding.open', about: body.userId },
            said: { after: body },
          }),
        })
        return {
          status: 201,
          headers: { Location: `${publicUrl}/api/v1/offboardings/${offboardingId}` },
          json: { id: offboardingId },
        }
      },
    }),

    defineRoute({
      method: 'GET',
      path: '/offboardings/{id}/certificate',
      summary: 'The proof bundle of one case; verify it offline with `quittance verify`',
      allow: READERS,
      params,
      answers: { 200: { description: 'A zip file', mediaType: 'application/zip' } },
      handle: async ({ params: { id } }) => {
        if ((await revocations.offboarding(id)) === null) throw notFound()
        const content = await parts.certificates.certificate(id)
        if (content === null || content === undefined) {
          throw new HubError('ERR_CONFLICT', 'the case is not sealed yet; try again in a second')
        }
        return {
          status: 200,
          content,
          headers: { 'Content-Disposition': `attachment; filename="${id}.quittance.zip"` },
        }
      },
    }),
  ]
}
