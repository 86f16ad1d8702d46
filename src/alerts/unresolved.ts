import type { Alert, AlertStore, Finding } from './alert.ts'
import { inPages } from './look.ts'
import type { RuleName } from './rules.ts'

/** All alerts of these rules that are not resolved: for looks that decide how long an alert of others lasts. */
export async function* unresolvedAlerts(
  alerts: Pick<AlertStore, 'list'>,
  rules: readonly RuleName[],
): AsyncIterable<Alert> {
  for (const rule of rules) {
    for (const state of ['open', 'acknowledged'] as const) {
      yield* inPages((paging) => alerts.list({ rule, state }, paging))
    }
  }
}

/** It is still true. */
export function foundAgain({ id, rule, about, facts, owners }: Alert): Finding {
  return {
    rule,
    key: id.slice(rule.length + 1),
    about,
    facts,
    ...(owners === undefined ? {} : { owners }),
  }
}
