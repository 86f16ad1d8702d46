import { compareKeys } from '../connector-sdk/compare-keys.ts'
import type { Match, Observation, Subject } from '../connector-sdk/contract.ts'
import type { Named } from './lane.ts'

/** Which account is this person's? */
export type Correlation =
  | { kind: 'found'; handleId: string }
  /** Theirs, but not to be disabled blindly. */
  | { kind: 'protected'; handleId: string }
  | { kind: 'ambiguous' }
  | { kind: 'nobody' }

/**
 * Exactly one exact match, or a person decides. Weak matches beside one exact match do not count: an e-mail
 * address may be passed on to a colleague.
 */
export function decideMatch(matches: readonly Match[]): Correlation {
  const exact = new Map(
    matches.flatMap((match) => (match.strength === 'exact' ? [[match.handle.id, match]] : [])),
  )
  const [only, ...more] = exact.values()
  if (only === undefined) return { kind: matches.length === 0 ? 'nobody' : 'ambiguous' }
  if (more.length > 0) return { kind: 'ambiguous' }
  const kind = only.protectedBecause === undefined ? 'found' : 'protected'
  return { kind, handleId: only.handle.id }
}

/** An account that is known before the app is asked: from an earlier revocation, or because a person named it. */
export interface KnownAccount {
  handleId: string
  named?: Named
}

/**
 * Is a known account this person's? An app that names nobody, or only this one, says nothing against it. Anybody else
 * is decided as for a stranger: somebody hired again often has a new account.
 *
 * A person's word is good for what the app cannot tell: an account that fits by nothing, or one of several that fit.
 * Against an exact match of another account it is not.
 */
export function decideAgain(matches: readonly Match[], known: KnownAccount): Correlation {
  const { handleId, named } = known
  const counted =
    named === undefined ? matches : matches.filter(({ strength }) => strength === 'exact')
  const own = counted.filter(({ handle }) => handle.id === handleId)
  if (own.length < counted.length && (named !== 'now' || own.length === 0)) {
    return named === undefined ? decideMatch(matches) : { kind: 'ambiguous' }
  }
  const isProtected = own.some(({ protectedBecause }) => protectedBecause !== undefined)
  return { kind: isProtected ? 'protected' : 'found', handleId }
}

/** What a look at all accounts of an app showed. `account` is set when the listing knows this person after all. */
export type Enumeration =
  | { kind: 'nobody'; accounts: number }
  | { kind: 'somebody'; handleIds: readonly string[] }
  /** A page was missing, it was empty, or rows had no keys: nothing follows from it. */
  | { kind: 'inconclusive' }

/**
 * Looks for a person in a full listing, comparing the keys on our side.
 *
 * An empty listing proves nothing: a filter on the server, a wrong tenant or a lost permission looks the same.
 *
 * @param complete every page said that it was complete, and the last one was reached
 */
export function searchListing(
  subject: Subject,
  rows: readonly Observation[],
  complete: boolean,
): Enumeration {
  const found = rows.filter(
    ({ keys }) =>
      keys !== undefined &&
      compareKeys(subject, keys, ['externalId', 'userName', 'emails']) !== undefined,
  )
  if (found.length > 0) {
    return { kind: 'somebody', handleIds: [...new Set(found.map((row) => row.handle.id))] }
  }
  const conclusive = complete && rows.length > 0 && rows.every(({ keys }) => hasKeys(keys))
  return conclusive ? { kind: 'nobody', accounts: rows.length } : { kind: 'inconclusive' }
}

const hasKeys = (keys: Observation['keys']): boolean =>
  keys !== undefined &&
  (keys.userName !== undefined || keys.externalId !== undefined || (keys.emails?.length ?? 0) > 0)
