import type { Alert, AlertStore, Finding } from './alert.ts'
import { inPages } from './look.ts'
import type { RuleName } from './rules.ts'

/** All alerts of these rules that are not resolved: for looks that decide how long an alert of others lasts. */
export async function* unresolvedAlerts(
  alerts: Pick<AlertStore, 'list'>,
  rules: readonly RuleName[],
  known?: ReadonlySet<string>,
): AsyncIterable<Alert> {
  if (known?.size === 0) return
  for (const rule of rules) {
    for (const state of ['open', 'acknowledged'] as const) {
      for await (const alert of inPages((paging) => alerts.list({ rule, state }, paging))) {
        // One that was raised since then is no finding of this look: it would be counted twice.
        if (known === undefined || known.has(alert.id)) yield alert
      }
    }
  }
}

/** It is still true. */
export function foundAgain({ id, rule, about, facts }: Alert): Finding {
  return { rule, key: id.slice(rule.length + 1), about, facts }
}
