import { z } from 'zod'
import type { AuditRecord, AuditStore } from '../auth/audit-store.ts'
import { ROLES } from '../auth/principal.ts'
import { iso } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { AUDITORS } from './access.ts'
import type { ActRecorder } from './acts.ts'
import { idField, instantField, pageOf, pageQuery, present } from './fields.ts'
import { defineRoute, type Route } from './route.ts'

export interface AuditParts {
  audit: Pick<AuditStore, 'list' | 'record'>
  acts: Pick<ActRecorder, 'said'>
}

const actAnswer = z.object({
  id: z.string(),
  at: instantField,
  type: z.string().meta({ description: 'As in the ledger, whose entry is `<type>:<id>`' }),
  by: z.string().meta({ description: 'Principal; `hub` for the hub itself' }),
  person: z.string().optional(),
  role: z.enum([...ROLES, 'hub']),
  requestId: z.string(),
  approval: z.string().optional(),
  facts: z.record(z.string(), z.unknown()),
  said: z
    .record(z.string(), z.unknown())
    .meta({ description: 'The ledger has commitments to these' }),
})

const instantQuery = z.iso.datetime().transform((text) => Date.parse(text))

/** Who did what, when. Reading it is for auditors and admins. */
export function auditRoutes({ audit, acts }: AuditParts): Route[] {
  const show = (record: AuditRecord): z.infer<typeof actAnswer> => {
    const { person, said } = acts.said(record)
    return {
      id: record.id,
      at: iso(record.at),
      type: record.type,
      by: record.by,
      ...present({ person, approval: record.approval }),
      role: record.role,
      requestId: record.requestId,
      facts: record.facts,
      said,
    }
  }
  return [
    defineRoute({
      method: 'GET',
      path: '/audit',
      summary: 'List what admins did, newest first',
      allow: AUDITORS,
      query: z.strictObject({
        ...pageQuery,
        type: z.string().max(64).optional(),
        by: z.string().max(128).optional(),
        about: z.string().max(128).optional().meta({ description: 'Id of an app, case, source …' }),
        from: instantQuery.optional(),
        until: instantQuery.optional(),
      }),
      answers: { 200: { description: 'One page', schema: pageOf(actAnswer) } },
      handle: async ({ query: { limit, cursor, ...filter } }) => {
        const page = await audit.list(present(filter), {
          limit,
          ...(cursor === undefined ? {} : { cursor }),
        })
        return {
          status: 200,
          json: { items: page.items.map(show), ...present({ nextCursor: page.next }) },
        }
      },
    }),

    defineRoute({
      method: 'GET',
      path: '/audit/{id}',
      summary: 'Read one act',
      allow: AUDITORS,
      params: z.object({ id: idField }),
      answers: { 200: { description: 'The act', schema: actAnswer } },
      handle: async ({ params }) => {
        const record = await audit.record(params.id)
        if (record === null) throw new HubError('ERR_NOT_FOUND', 'there is no such act')
        return { status: 200, json: show(record) }
      },
    }),
  ]
}
