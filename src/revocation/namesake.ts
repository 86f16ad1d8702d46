import { type AccountKeys, compareKeys } from '../connector-sdk/compare-keys.ts'
import type { Subject } from '../connector-sdk/contract.ts'
import { EMAIL, EXTERNAL_ID, USER_NAME } from '../directory/identifiers.ts'
import type { AttributePath, Filter } from '../directory/query.ts'
import type { DirectoryStore } from '../directory/store.ts'

const ENOUGH = { kind: 'index', startIndex: 1, count: 10 } as const

/**
 * Do the keys of an account name another person of the same source, and not this one? Keys that name nobody are
 * anybody's: such accounts are why people say whose they are.
 */
export async function hasOtherOwner(
  directory: Pick<DirectoryStore, 'listUsers'>,
  subject: Subject,
  keys: AccountKeys,
): Promise<boolean> {
  if (compareKeys(subject, keys, ['externalId', 'userName', 'emails']) !== undefined) return false
  const { userName, externalId, emails = [] } = keys
  const of = [
    ...is(USER_NAME, userName),
    ...is(EXTERNAL_ID, externalId),
    ...emails.flatMap((email) => is(EMAIL, email)),
  ]
  if (of.length === 0) return false
  const query = { filter: { kind: 'or', of }, page: ENOUGH } as const
  const { items } = await directory.listUsers(subject.sourceId, query)
  return items.some(({ id }) => id !== subject.userId)
}

const is = (path: AttributePath, value: string | undefined): Filter[] =>
  value === undefined ? [] : [{ kind: 'compare', path, operator: 'eq', value }]
