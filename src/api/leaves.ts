import { z } from 'zod'
import type { LeaveRequest, LeaveStore, ScheduledLeave } from '../intake/scheduled-leave.ts'
import { iso } from '../shared/clock.ts'
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
import { defineRoute, type Route } from './route.ts'

export interface LeavesParts {
  leaves: Pick<LeaveStore, 'leave' | 'list'>
  /** Each in the one transaction of `transactor`. */
  planned: {
    schedule(request: LeaveRequest & { transactor: Transactor }): Promise<ScheduledLeave>
    cancel(request: {
      id: string
      principalId: string
      transactor: Transactor
    }): Promise<ScheduledLeave>
  }
  publicUrl: string
}

const LEAVE_STATES = ['scheduled', 'opened', 'cancelled', 'void'] as const

const leaveAnswer = z.object({
  id: z.string(),
  sourceId: z.string(),
  userId: z.string(),
  effectiveAt: instantField,
  forCause: z.boolean(),
  receivedAt: instantField,
  state: z.enum(LEAVE_STATES).meta({
    description: 'void: the provider had deactivated or deleted the person before the time came',
  }),
  endedAt: instantField.optional(),
  offboardingId: z.string().optional(),
})

const show = (leave: ScheduledLeave): z.infer<typeof leaveAnswer> => ({
  id: leave.id,
  sourceId: leave.sourceId,
  userId: leave.userId,
  effectiveAt: iso(leave.effectiveAt),
  forCause: leave.forCause,
  receivedAt: iso(leave.receivedAt),
  state: leave.state,
  ...instants({ endedAt: leave.endedAt }),
  ...present({ offboardingId: leave.offboardingId }),
})

/** Departures that are known now and take effect later. */
export function leaveRoutes({ leaves, planned, publicUrl }: LeavesParts): Route[] {
  const params = z.object({ id: idField })
  return [
    defineRoute({
      method: 'GET',
      path: '/leaves',
      summary: 'List planned departures, soonest first',
      allow: READERS,
      query: z.strictObject({
        ...pageQuery,
        source: sourceIdField.optional(),
        state: z.enum(LEAVE_STATES).optional(),
      }),
      answers: { 200: { description: 'One page', schema: pageOf(leaveAnswer) } },
      handle: async ({ query }) => {
        const { items, next } = await leaves.list(
          present({ sourceId: query.source, state: query.state }),
          { limit: query.limit, ...present({ cursor: query.cursor }) },
        )
        return { status: 200, json: { items: items.map(show), ...present({ nextCursor: next }) } }
      },
    }),

    defineRoute({
      method: 'GET',
      path: '/leaves/{id}',
      summary: 'Read one planned departure',
      allow: READERS,
      params,
      answers: { 200: { description: 'The plan, and how it ended', schema: leaveAnswer } },
      handle: async ({ params: { id } }) => {
        const leave = await leaves.leave(id)
        if (leave === null) {
          throw new HubError('ERR_NOT_FOUND', 'there is no such scheduled leave')
        }
        return { status: 200, json: show(leave) }
      },
    }),

    defineRoute({
      method: 'POST',
      path: '/leaves',
      summary: 'Plan a departure: at its time a case is opened and all access is revoked',
      allow: OPERATORS,
      body: z.strictObject({
        sourceId: sourceIdField,
        userId: idField,
        effectiveAt: z.string().max(40).meta({
          format: 'date-time',
          description: 'With its zone. One that has passed is opened at once',
        }),
        forCause: z.boolean().default(false),
      }),
      answers: { 201: { description: 'Stored', schema: leaveAnswer } },
      handle: async ({ body, principal, requestId, acts }) => {
        const leave = await planned.schedule({
          ...body,
          requestId,
          principalId: principal.id,
          transactor: acts.transactor({
            entry: { type: 'admin.acted', kind: 'leave.schedule', about: body.userId },
            said: { after: body },
          }),
        })
        return {
          status: 201,
          headers: { Location: `${publicUrl}/api/v1/leaves/${leave.id}` },
          json: show(leave),
        }
      },
    }),

    defineRoute({
      method: 'DELETE',
      path: '/leaves/{id}',
      summary: 'Cancel a planned departure before its time; the plan stays readable',
      allow: OPERATORS,
      params,
      answers: { 200: { description: 'Cancelled', schema: leaveAnswer } },
      handle: async ({ params: { id }, principal, acts }) => {
        const leave = await planned.cancel({
          id,
          principalId: principal.id,
          transactor: acts.transactor({
            entry: { type: 'admin.acted', kind: 'leave.cancel', about: id },
          }),
        })
        return { status: 200, json: show(leave) }
      },
    }),
  ]
}
