import { z } from 'zod'
import type { Alert, AlertStore } from '../alerts/alert.ts'
import { RULES, type RuleName } from '../alerts/rules.ts'
import { type Clock, iso } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { OPERATORS, VIEWERS } from './access.ts'
import { instantField, pageOf, pageQuery, present } from './fields.ts'
import { defineRoute, type Route } from './route.ts'

export interface AlertsParts {
  alerts: Pick<AlertStore, 'list' | 'acknowledge'>
  clock: Clock
}

const ruleField = z.enum(Object.keys(RULES) as [RuleName, ...RuleName[]])

const alertAnswer = z.object({
  id: z.string(),
  rule: ruleField,
  severity: z.enum(['warning', 'critical']),
  title: z.string(),
  state: z.enum(['open', 'acknowledged', 'resolved']),
  about: z.record(z.string(), z.string()),
  facts: z.record(z.string(), z.union([z.string(), z.number()])),
  owners: z.array(z.string()),
  firstAt: instantField,
  lastAt: instantField,
  count: z.int(),
  acknowledgedBy: z.string().optional(),
  next: z.string().meta({ description: 'Where the runbook says what to do' }),
})

/** Alerts: what somebody must look at. */
export function alertRoutes({ alerts, clock }: AlertsParts): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/alerts',
      summary: 'List alerts, newest first',
      allow: VIEWERS,
      query: z.strictObject({
        ...pageQuery,
        state: alertAnswer.shape.state.optional(),
        rule: ruleField.optional(),
      }),
      answers: { 200: { description: 'One page', schema: pageOf(alertAnswer) } },
      handle: async ({ query }) => {
        const page = await alerts.list(
          present({ state: query.state, rule: query.rule }),
          present({ limit: query.limit, cursor: query.cursor }) as { limit: number },
        )
        return {
          status: 200,
          json: { items: page.items.map(show), ...present({ nextCursor: page.next }) },
        }
      },
    }),

    defineRoute({
      method: 'POST',
      path: '/alerts/{id}/acknowledge',
      summary: 'Say that somebody is on it',
      allow: OPERATORS,
      params: z.object({ id: z.string().max(256) }),
      answers: { 204: { description: 'Acknowledged' } },
      handle: async ({ params, principal, acts }) => {
        await acts.in(async (tx, act) => {
          if (!(await alerts.acknowledge(params.id, principal.id, clock.now(), tx))) {
            throw new HubError('ERR_NOT_FOUND', 'there is no such open alert')
          }
          await act({
            entry: { type: 'admin.acted', kind: 'alert.acknowledge' },
            said: { after: params.id },
          })
        })
        return { status: 204 }
      },
    }),
  ]
}

function show(alert: Alert): z.infer<typeof alertAnswer> {
  return {
    id: alert.id,
    rule: alert.rule,
    severity: alert.severity,
    title: alert.title,
    state: alert.state,
    about: { ...alert.about },
    facts: { ...alert.facts },
    owners: [...(alert.owners ?? [])],
    firstAt: iso(alert.firstAt),
    lastAt: iso(alert.lastAt),
    count: alert.count,
    ...present({ acknowledgedBy: alert.acknowledgedBy }),
    next: `docs/runbook.md#${alert.rule}`,
  }
}
