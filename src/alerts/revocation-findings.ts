import type { Revocation } from '../revocation/types.ts'
import type { Instant } from '../shared/clock.ts'
import type { Finding } from './alert.ts'
import type { RuleName } from './rules.ts'

/** The rules that this file decides; what it no longer finds is resolved. */
export const REVOCATION_RULES: readonly RuleName[] = [
  'revocation-late',
  'revocation-overdue',
  'contradicted',
  'human-waiting',
]

/** Shares of its time after which a revocation is late, in percent: to the owner, then to the admins. */
const LATE_SHARES = [80, 50] as const

/** What people must know about one revocation now. Nothing about one that is closed or proven by observation. */
export function revocationFindings(revocation: Revocation, now: Instant): Finding[] {
  if (!['due', 'acting', 'settling', 'human'].includes(revocation.state)) return []
  const { id, sourceId, appId, offboardingId, facet, owners } = revocation
  const found = (rule: RuleName, facts: Finding['facts']): Finding => ({
    rule,
    key: id,
    about: { sourceId, appId, offboardingId, revocationId: id },
    facts: { facet, class: revocation.class, ...facts },
    owners,
  })
  const findings: Finding[] = []
  const share = usedShare(revocation, now)
  if (share >= 100)
    findings.push(found('revocation-overdue', { minutes: minutesLate(revocation, now) }))
  else {
    const late = LATE_SHARES.find((limit) => share >= limit)
    if (late !== undefined) findings.push(found('revocation-late', { share: late }))
  }
  if (revocation.verdict?.kind === 'contradicted') findings.push(found('contradicted', {}))
  else if (revocation.state === 'human') {
    findings.push(found('human-waiting', { reason: revocation.reason ?? 'unknown' }))
  }
  return findings
}

/** Percent of the time between opening and deadline that is used up. */
function usedShare({ openedAt, deadlineAt }: Revocation, now: Instant): number {
  return deadlineAt <= openedAt ? 100 : ((now - openedAt) / (deadlineAt - openedAt)) * 100
}

const minutesLate = ({ deadlineAt }: Revocation, now: Instant): number =>
  Math.floor((now - deadlineAt) / 60_000)
