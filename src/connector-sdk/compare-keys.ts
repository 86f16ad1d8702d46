import type { Match, Subject } from './contract.ts'

/** Identifiers of an account as the app shows them. */
export interface AccountKeys {
  userName?: string
  externalId?: string
  emails?: readonly string[]
}

export type CorrelationKey = keyof AccountKeys

/**
 * Compares on our side whether an account belongs to a person: a server may ignore a filter. userName and
 * externalId identify (RFC 7643 §4.1.1, §3.1: the first without regard to case, the second exactly); an e-mail
 * address may be shared or passed on, so it is weak unless `emailsAreExact`.
 *
 * @param by keys to look at, the telling ones first
 * @returns undefined when no key matches
 */
export function compareKeys(
  subject: Subject,
  account: AccountKeys,
  by: readonly CorrelationKey[],
  { emailsAreExact = false }: { emailsAreExact?: boolean } = {},
): Pick<Match, 'strength' | 'matchedOn'> | undefined {
  const hits = by.filter((key) => isSame(subject, account, key))
  const strong = hits.find((key) => key !== 'emails' || emailsAreExact)
  if (strong !== undefined) return { strength: 'exact', matchedOn: strong }
  return hits.length === 0 ? undefined : { strength: 'weak', matchedOn: 'emails' }
}

function isSame(subject: Subject, account: AccountKeys, key: CorrelationKey): boolean {
  switch (key) {
    case 'userName':
      return account.userName !== undefined && fold(account.userName) === fold(subject.userName)
    case 'externalId':
      return account.externalId !== undefined && account.externalId === subject.externalId
    case 'emails': {
      const known = new Set(subject.emails.map(fold))
      return (account.emails ?? []).some((email) => known.has(fold(email)))
    }
  }
}

function fold(text: string): string {
  return text.normalize('NFC').toLowerCase()
}
