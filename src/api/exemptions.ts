import { z } from 'zod'
import type {
  Exemption,
  ExemptionStore,
  LegalHold,
  LegalHoldStore,
} from '../auth/approval-store.ts'
import { type Clock, iso } from '../shared/clock.ts'
import { READERS } from './access.ts'
import {
  idField,
  instantField,
  instants,
  pageOf,
  pageQuery,
  present,
  sourceIdField,
} from './fields.ts'
import { defineRoute, type Route } from './route.ts'

export interface ExemptionsParts {
  exemptions: Pick<ExemptionStore, 'list'>
  legalHolds: Pick<LegalHoldStore, 'list'>
  clock: Clock
}

const common = {
  id: z.string(),
  sourceId: z.string(),
  userId: z.string(),
  from: instantField,
  approval: z.string(),
  inForce: z.boolean(),
}
const exemptionAnswer = z.object({
  ...common,
  appId: z.string().optional().meta({ description: 'Absent: in every app' }),
  until: instantField,
  endedAt: instantField.optional(),
})
const holdAnswer = z.object({
  ...common,
  until: instantField.optional().meta({ description: 'Absent: until it is released' }),
  releasedAt: instantField.optional(),
})
const query = { ...pageQuery, source: sourceIdField.optional(), user: idField.optional() }

/** Who is not revoked, and about whom nothing is erased. Both are granted by two persons at /approvals. */
export function exemptionRoutes({ exemptions, legalHolds, clock }: ExemptionsParts): Route[] {
  const paging = (asked: { limit: number; cursor?: string | undefined }) => ({
    limit: asked.limit,
    ...(asked.cursor === undefined ? {} : { cursor: asked.cursor }),
  })
  return [
    defineRoute({
      method: 'GET',
      path: '/exemptions',
      summary: 'List exemptions, newest first',
      allow: READERS,
      query: z.strictObject({ ...query, app: idField.optional() }),
      answers: { 200: { description: 'One page', schema: pageOf(exemptionAnswer) } },
      handle: async ({ query: asked }) => {
        const filter = { sourceId: asked.source, userId: asked.user, appId: asked.app }
        const page = await exemptions.list(present(filter), paging(asked))
        const items = page.items.map((item) => showExemption(item, clock.now()))
        return { status: 200, json: { items, ...present({ nextCursor: page.next }) } }
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/legal-holds',
      summary: 'List legal holds, newest first',
      allow: READERS,
      query: z.strictObject(query),
      answers: { 200: { description: 'One page', schema: pageOf(holdAnswer) } },
      handle: async ({ query: asked }) => {
        const filter = { sourceId: asked.source, userId: asked.user }
        const page = await legalHolds.list(present(filter), paging(asked))
        const items = page.items.map((item) => showHold(item, clock.now()))
        return { status: 200, json: { items, ...present({ nextCursor: page.next }) } }
      },
    }),
  ]
}

function showExemption(item: Exemption, now: number): z.infer<typeof exemptionAnswer> {
  const { id, sourceId, userId, approval } = item
  return {
    id,
    sourceId,
    userId,
    approval,
    ...present({ appId: item.appId }),
    from: iso(item.from),
    until: iso(item.until),
    ...instants({ endedAt: item.endedAt }),
    inForce: item.endedAt === undefined && item.until > now,
  }
}

function showHold(item: LegalHold, now: number): z.infer<typeof holdAnswer> {
  const { id, sourceId, userId, approval } = item
  return {
    id,
    sourceId,
    userId,
    approval,
    from: iso(item.from),
    ...instants({ until: item.until, releasedAt: item.releasedAt }),
    inForce: item.releasedAt === undefined && (item.until ?? now + 1) > now,
  }
}
