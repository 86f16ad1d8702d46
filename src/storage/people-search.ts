import type { Connection, mongo } from 'mongoose'
import { foldCase } from '../directory/comparison.ts'
import type { FormerPerson, PeopleSearch } from '../directory/people-search.ts'
import type { Offboarding } from '../revocation/types.ts'
import type { UserRow } from './directory-models.ts'
import { key, userRecord } from './directory-rows.ts'
import { translated } from './errors.ts'
import { type OffboardingRow, offboardingsOf } from './revocation-models.ts'

/** A search that would read more than this asks for too much. */
const MAX_TIME_MS = 4_500

/**
 * One indexed query for each key: an `or` of them would read much more than it gives. Call `prepareDirectory` and
 * `prepareRevocations` once before.
 */
export function createPeopleSearch(connection: Connection): PeopleSearch {
  const db = connection.getClient().db(connection.name)
  const users = db.collection<UserRow>('users')
  const offboardings = offboardingsOf(connection)
  return {
    find: (prefix, { sourceIds, limit }) =>
      translated(async () => {
        const options = { limit: limit + 1, maxTimeMS: MAX_TIME_MS }
        const queries = peopleQueries(prefix, sourceIds)
        const [cases, ...found] = await Promise.all([
          offboardings.find(queries.offboardings, options).toArray(),
          ...queries.users.map((query) => users.find(query, options).toArray()),
        ])
        const known = new Map(found.flat().map((row) => [row._id, row]))
        const present = [...known.values()].slice(0, limit).map(userRecord)
        const former = await formerOf(cases, async (ids) => {
          const there = users.find({ _id: { $in: ids } }, { projection: { _id: 1 } })
          return (await there.toArray()).map(({ _id }) => _id)
        })
        return {
          users: present,
          former: former.slice(0, limit - present.length),
          more:
            known.size + former.length > limit ||
            [cases, ...found].some((rows) => rows.length > limit),
        }
      }),
  }
}

/** What is asked for a prefix; an index serves each. */
export function peopleQueries(
  prefix: string,
  sourceIds: readonly string[],
): { users: mongo.Filter<UserRow>[]; offboardings: mongo.Filter<OffboardingRow> } {
  const folded = beginsWith(foldCase(prefix))
  const within = { sourceId: { $in: [...sourceIds] } }
  return {
    offboardings: { ...within, names: { $elemMatch: folded } },
    users: [
      { ...within, 'search.userName': folded },
      { ...within, 'search.externalId': beginsWith(prefix) },
      { ...within, 'search.emails': { $elemMatch: { value: folded } } },
    ],
  }
}

/** Of several cases of one person the newest counts, and none of those who are still in the directory. */
async function formerOf(
  cases: readonly OffboardingRow[],
  present: (ids: string[]) => Promise<string[]>,
): Promise<FormerPerson[]> {
  const newest = new Map<string, OffboardingRow>()
  for (const row of cases) {
    const id = key(row.sourceId, row.userId)
    const known = newest.get(id)
    if (known === undefined || known.openedAt < row.openedAt) newest.set(id, row)
  }
  if (newest.size === 0) return []
  for (const id of await present([...newest.keys()])) newest.delete(id)
  return [...newest.values()].map(({ sourceId, userId, subject }) => ({
    sourceId,
    userId,
    userName: subject.userName,
    emails: subject.emails,
    ...(subject.displayName === undefined ? {} : { displayName: subject.displayName }),
    ...(subject.externalId === undefined ? {} : { externalId: subject.externalId }),
  }))
}

/** By what a case finds its person once the directory has nobody of that name: erased with the subject. */
export function namesOf({ userName, externalId, emails }: Offboarding['subject']): string[] {
  const names = [userName, ...emails, ...(externalId === undefined ? [] : [externalId])]
  return [...new Set(names.map(foldCase))]
}

/** All that begins with it, as a range: an index serves it, whatever the letters are. */
const beginsWith = (prefix: string) => ({ $gte: prefix, $lt: `${prefix}\u{10ffff}` })
