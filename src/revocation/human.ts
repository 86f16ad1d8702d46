import { assertNever } from '../shared/assert-never.ts'
import { HOUR, type Instant } from '../shared/clock.ts'
import { LONGEST_WAIT } from './backoff.ts'
import { NEVER } from './lane.ts'
import type { HumanReason } from './types.ts'

/**
 * When the machine looks again while a person is asked. What a person does (grants a permission, disables
 * an account by hand) is then noticed and proven without a word to the hub.
 */
export function nextLook(reason: HumanReason, now: Instant): Instant {
  switch (reason) {
    case 'contradicted':
      return now + LONGEST_WAIT
    case 'ambiguous-match':
    case 'no-account-found':
    case 'manual-app':
    case 'forbidden':
    case 'invalid':
    case 'unsupported':
    case 'protected':
    case 'connector-bug':
      return now + HOUR
    case 'unobservable':
      return NEVER
    default:
      return assertNever(reason)
  }
}

/** May the machine write again by itself, or only look? Protected and manual things are left to people. */
export function mayWriteAgain(reason: HumanReason): boolean {
  switch (reason) {
    case 'contradicted':
    case 'ambiguous-match':
    case 'no-account-found':
    case 'forbidden':
    case 'invalid':
    case 'connector-bug':
      return true
    case 'manual-app':
    case 'unsupported':
    case 'protected':
    case 'unobservable':
      return false
    default:
      return assertNever(reason)
  }
}
