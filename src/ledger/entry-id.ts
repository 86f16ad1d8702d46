import { assertNever } from '../shared/assert-never.ts'
import type { EntryBody, EntryType } from './entries.ts'
import type { EntryReferences } from './intake.ts'

/** `<type>:<what it is about>`: the id that makes a repeated attempt create nothing new. */
export function entryId(type: EntryType, about: string): string {
  return `${type}:${about}`
}

/** The id that follows from a body. It is not hashed: any verifier computes it again. */
export function idOfBody(body: EntryBody): string {
  return entryId(body.type, subjectOf(body))
}

/** What an entry is about, as its signed body says it. */
export function referencesOf(body: EntryBody): EntryReferences {
  return {
    ...('offboarding' in body ? { offboardingId: body.offboarding } : {}),
    ...('revocation' in body ? { revocationId: body.revocation } : {}),
  }
}

function subjectOf(body: EntryBody): string {
  if ('act' in body) return body.act
  switch (body.type) {
    case 'offboarding.opened':
    case 'offboarding.closed':
    case 'offboarding.keys_erased':
      return body.offboarding
    case 'offboarding.amended':
      // A set only grows, so that its size names the amendment.
      return `${body.offboarding}/${body.expected.count}`
    case 'revocation.verified':
    case 'revocation.superseded':
    case 'revocation.waived':
    case 'revocation.unverifiable':
    case 'drift.detected':
      return body.revocation
    case 'log.key':
      return body.kid
    case 'log.genesis':
      return body.log
    default:
      return assertNever(body)
  }
}
