import { escalationLevel } from '../revocation/escalation.ts'
import type { Escalation } from '../revocation/escalator.ts'
import { CLOSED_STATES, type Revocation } from '../revocation/types.ts'
import type { Clock } from '../shared/clock.ts'
import type { Alert, AlertStore, Finding } from './alert.ts'
import type { Look } from './look.ts'
import { revocationFinding } from './revocation-findings.ts'
import type { RuleName } from './rules.ts'
import { foundAgain, unresolvedAlerts } from './unresolved.ts'

const LATE_RULES: readonly RuleName[] = ['revocation-late', 'revocation-overdue']

/** What the escalator tells, once for each level, in the transaction that marks the level as told. */
export function lateFinding({ revocation, level, audience }: Escalation): Finding {
  return level === 100
    ? revocationFinding(revocation, 'revocation-overdue', { audience })
    : revocationFinding(revocation, 'revocation-late', { share: level, audience }, level)
}

/** Decides how long such alerts last: until nothing is owed any more, or a higher level is told. */
export function lateLook(options: {
  alerts: Pick<AlertStore, 'list'>
  revocation(id: string): Promise<Revocation | null>
  clock: Clock
}): Look {
  const isOver = async ({ rule, about, facts }: Alert): Promise<boolean> => {
    const revocation = await options.revocation(about.revocationId ?? '')
    if (revocation === null || CLOSED_STATES.includes(revocation.state)) return true
    return (
      rule === 'revocation-late' &&
      escalationLevel(revocation, options.clock.now()) > Number(facts['share'])
    )
  }
  return {
    rules: LATE_RULES,
    async *findings(unresolved) {
      for await (const alert of unresolvedAlerts(options.alerts, LATE_RULES, unresolved)) {
        if (!(await isOver(alert))) yield foundAgain(alert)
      }
    },
  }
}
