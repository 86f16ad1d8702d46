import type { FacetSpec, Manifest, Observation } from '../connector-sdk/contract.ts'
import { assertNever } from '../shared/assert-never.ts'
import type { Instant } from '../shared/clock.ts'
import type { Enumeration } from './correlate.ts'
import type { Judgement } from './lane-event.ts'

/** What the judgement of one facet rests on. */
export interface Findings {
  spec: FacetSpec
  absenceIs: Manifest['absenceIs']
  observation: Observation
  /** The same handle was seen live before. */
  seenLive: boolean
  /** Only a person says that the account is theirs: the app does not, and the hub never saw it live. */
  isHearsay?: boolean
  /** When the app acknowledged a write; absent when nothing was written. */
  ackedAt?: Instant
  /** Using the credential was refused (`dead`), or still worked (`live`). */
  probe?: Observation['state']
  /** A look at everybody, made because the handle is not there. */
  enumeration?: Enumeration
}

/** `write`: it lives, and nothing has been done about it yet. `enumerate`: only a look at everybody can tell. */
export type Finding = Judgement | { kind: 'write' } | { kind: 'enumerate' }

/**
 * The hub's judgement. A connector states facts; only this function turns them into "revoked".
 *
 * - A "not found" is proof for a handle that was seen live before. For a stranger it proves nothing, unless the
 *   app's absence is proof and a complete look at everybody showed nobody with these keys.
 * - What is gone already when a person names it proves nothing: anybody's old account would do.
 * - `unknown` is never proof.
 * - A write that was acknowledged and changed nothing is contradicted, however friendly the answer was.
 */
export function judge(findings: Findings): Finding {
  const { observation, spec, ackedAt } = findings
  const { state, at } = observation
  // A read from before the app's answer says nothing about what the write did.
  if (ackedAt !== undefined && at < ackedAt) return { kind: 'wait', afterMs: 0 }
  switch (state) {
    case 'dead':
      return afterDead(findings)
    case 'absent':
      return afterAbsent(findings)
    case 'live': {
      if (ackedAt === undefined) return { kind: 'write' }
      const settlesAt = ackedAt + spec.settleMs
      return at < settlesAt
        ? { kind: 'wait', afterMs: settlesAt - at }
        : { kind: 'contradicted', verdict: { grade: 'F', kind: 'contradicted', at } }
    }
    case 'unknown':
      return ackedAt === undefined ? { kind: 'write' } : { kind: 'wait' }
    default:
      return assertNever(state)
  }
}

function afterDead(findings: Findings): Finding {
  const { probe, observation } = findings
  if (probe === 'live') {
    // The record says dead, the credential works: what works counts.
    return findings.ackedAt === undefined
      ? { kind: 'write' }
      : {
          kind: 'contradicted',
          verdict: { grade: 'F', kind: 'contradicted', at: observation.at },
        }
  }
  if (findings.isHearsay === true) return { kind: 'human', reason: 'ambiguous-match' }
  return verified(findings, 'dead', probe === 'dead' ? 'A' : 'B')
}

function afterAbsent(findings: Findings): Finding {
  const { seenLive, isHearsay, absenceIs, enumeration } = findings
  if (seenLive) return verified(findings, 'absent', 'B')
  if (isHearsay === true) return { kind: 'human', reason: 'no-account-found' }
  if (absenceIs !== 'proof') return { kind: 'human', reason: 'no-account-found' }
  if (enumeration === undefined) return { kind: 'enumerate' }
  return enumeration.kind === 'nobody'
    ? verified(findings, 'absent', 'B')
    : { kind: 'human', reason: 'no-account-found' }
}

function verified(
  { spec, observation }: Findings,
  kind: 'dead' | 'absent',
  grade: 'A' | 'B',
): Finding {
  const { at } = observation
  return {
    kind: 'verified',
    verdict: {
      grade,
      kind,
      at,
      // Counted from the proof: when it really died is not known.
      ...(spec.residualMs > 0 ? { residualUntil: at + spec.residualMs } : {}),
    },
  }
}

/** Where no read-back exists: acknowledged only. A person must find proof, or say so on their word. */
export function unobservable(at: Instant): Judgement {
  return {
    kind: 'human',
    reason: 'unobservable',
    verdict: { grade: 'C', kind: 'unobservable', at },
  }
}
