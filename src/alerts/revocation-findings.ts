import type { Revocation } from '../revocation/types.ts'
import type { Finding } from './alert.ts'
import type { RuleName } from './rules.ts'

/** The rules that this file decides; what it no longer finds is resolved. */
export const REVOCATION_RULES: readonly RuleName[] = ['contradicted', 'human-waiting']

/** What people must know about one revocation now, whatever the time. Nothing about one that is closed. */
export function revocationFindings(revocation: Revocation): Finding[] {
  if (!['due', 'acting', 'settling', 'human'].includes(revocation.state)) return []
  if (revocation.verdict?.kind === 'contradicted') {
    return [revocationFinding(revocation, 'contradicted', {})]
  }
  if (revocation.state !== 'human') return []
  return [
    revocationFinding(revocation, 'human-waiting', { reason: revocation.reason ?? 'unknown' }),
  ]
}

/** A finding about one revocation. @param step tells apart what is news again */
export function revocationFinding(
  revocation: Revocation,
  rule: RuleName,
  facts: Finding['facts'],
  step?: number,
): Finding {
  const { id, sourceId, appId, offboardingId, facet } = revocation
  return {
    rule,
    key: step === undefined ? id : `${id}/${step}`,
    about: { sourceId, appId, offboardingId, revocationId: id },
    facts: { facet, class: revocation.class, ...facts },
  }
}
