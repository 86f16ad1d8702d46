import type { mongo } from 'mongoose'
import type { AttributePath, Filter, ListQuery } from '../directory/query.ts'
import type { DirectoryStore, ListResult } from '../directory/store.ts'
import type { GroupRecord, UserRecord } from '../directory/types.ts'
import { createUserGroups, type Joined, joinGroupIds, withNames } from './directory-groups.ts'
import { keysJoinedBy } from './directory-join.ts'
import type { GroupRow, MembershipRow, ResourceRow, UserRow } from './directory-models.ts'
import { comparedField, compileFilter, joinsOf, type Query } from './directory-query.ts'
import { groupRecord, key, userRecord } from './directory-rows.ts'
import type { createTotals } from './directory-totals.ts'
import { translated } from './errors.ts'
import { type Cursor, cursorText, parseCursor } from './list-cursor.ts'

/**
 * RFC 7644 §3.4.2.1 tooMany: how long a listing may read. The server answers before the client's
 * `socketTimeoutMS` of 5 s cuts the line, which would look like an outage.
 */
const MAX_TIME_MS = 4_500

interface Collections {
  users: mongo.Collection<UserRow>
  groups: mongo.Collection<GroupRow>
  memberships: mongo.Collection<MembershipRow>
  totals: ReturnType<typeof createTotals>
}

/** The listing half of the directory store. */
export function createDirectoryLists(
  collections: Collections,
): Pick<DirectoryStore, 'listUsers' | 'listUsersWithGroups' | 'listGroups'> {
  const listUsers: DirectoryStore['listUsers'] = (sourceId, query) =>
    list<UserRow, UserRecord>(collections, 'User', collections.users, sourceId, query, userRecord)
  const { groupsOf } = createUserGroups(collections)
  return {
    listUsers,
    listUsersWithGroups: async (sourceId, query) => {
      if (!isAboutOne(query.filter) || query.sortBy !== undefined) {
        const found = await listUsers(sourceId, query)
        const ids = found.items.map((user) => user.id)
        return { ...found, groups: ids.length === 0 ? new Map() : await groupsOf(sourceId, ids) }
      }
      const found = await list<UserRow & Joined, { record: UserRecord; row: UserRow & Joined }>(
        collections,
        'User',
        collections.users as unknown as mongo.Collection<UserRow & Joined>,
        sourceId,
        query,
        (row) => ({ record: userRecord(row), row }),
        [joinGroupIds(sourceId)],
      )
      return await translated(async () => ({
        ...found,
        items: found.items.map(({ record }) => record),
        groups: await withNames(
          collections.groups,
          sourceId,
          found.items.map(({ row }) => [row.id, row.memberOf] as const),
        ),
      }))
    },
    listGroups: (sourceId, query) =>
      list<GroupRow, GroupRecord>(
        collections,
        'Group',
        collections.groups,
        sourceId,
        query,
        groupRecord,
      ),
  }
}

function list<Row extends ResourceRow, Item>(
  collections: Collections,
  type: 'User' | 'Group',
  rows: mongo.Collection<Row>,
  sourceId: string,
  query: ListQuery,
  item: (row: Row) => Item,
  joins: readonly object[] = [],
): Promise<ListResult<Item>> {
  return translated(async () => {
    const matching = await matchOf(collections, type, sourceId, query.filter)
    const { page } = query
    const cursor =
      page.kind === 'cursor' && page.cursor !== '' ? parseCursor(page.cursor, query) : null
    const skip = page.kind === 'index' ? page.startIndex - 1 : 0
    // One row more than asked for tells whether there is a next page.
    const found =
      page.count === 0
        ? []
        : await read(rows, {
            sourceId,
            matching,
            query,
            cursor,
            skip,
            limit: page.count + 1,
            joins,
          })
    const items = found.slice(0, page.count)
    const more = found.length > page.count

    const isLastPage = !more && page.count > 0 && (items.length > 0 || skip === 0)
    const totalResults =
      cursor !== null
        ? cursor.total
        : isLastPage
          ? skip + items.length
          : await collections.totals(JSON.stringify([type, sourceId, query.filter]), () =>
              rows.countDocuments(matching as mongo.Filter<Row>, { maxTimeMS: MAX_TIME_MS }),
            )
    const last = items.at(-1)
    return {
      totalResults,
      items: items.map(({ row }) => item(row)),
      ...(page.kind === 'cursor' && more && last !== undefined
        ? {
            nextCursor: cursorText(
              { total: totalResults, sort: last.sort, id: last.row.id },
              query,
            ),
          }
        : {}),
    }
  })
}

/** Attributes that hardly two users share: a look-up, not a list. */
const NAMING = new Set(['id', 'userName', 'externalId', 'emails.value'])

function isAboutOne(filter: Filter | undefined): boolean {
  switch (filter?.kind) {
    case 'and':
      return filter.of.some(isAboutOne)
    case 'compare': {
      const { extension, attribute, sub } = filter.path
      const name = sub === undefined ? attribute : `${attribute}.${sub}`
      return filter.operator === 'eq' && extension === undefined && NAMING.has(name)
    }
    default:
      return false
  }
}

async function matchOf(
  collections: Collections,
  type: 'User' | 'Group',
  sourceId: string,
  filter: Filter | undefined,
): Promise<Query> {
  // Within the keys of one source: `0` is the character after `/`.
  const own: Query = { _id: { $gt: `${sourceId}/`, $lt: `${sourceId}0` } }
  if (filter === undefined) return own
  const joined = new Map<Filter, readonly string[]>()
  for (const part of joinsOf(filter, type)) {
    joined.set(part, await keysJoinedBy(part, type, sourceId, collections, MAX_TIME_MS))
  }
  const compiled = compileFilter(filter, {
    resourceType: type,
    key: (id) => key(sourceId, id),
    joined,
  })
  // A look-up has its own index: the range of all keys would only be one more plan to weigh, each time.
  return { $and: [...(isAboutOne(filter) ? [] : [own]), { sourceId }, compiled] }
}

interface Found<Row> {
  row: Row
  /** The value it was sorted by; absent when it has none, or when the order is by id. */
  sort: Cursor['sort']
}

interface Reading {
  sourceId: string
  matching: Query
  query: ListQuery
  cursor: Cursor | null
  skip: number
  limit: number
  /** Stages that add something to each row. Not for sorted lists. */
  joins: readonly object[]
}

async function read<Row extends ResourceRow>(
  rows: mongo.Collection<Row>,
  { sourceId, matching, query, cursor, skip, limit, joins }: Reading,
): Promise<Found<Row>[]> {
  const after = { _id: { $gt: key(sourceId, cursor?.id ?? '') } }
  if (query.sortBy === undefined) {
    const match = cursor === null ? matching : { $and: [matching, after] }
    if (joins.length > 0) {
      const found = await rows
        .aggregate<Row>(
          [
            { $match: match },
            { $sort: { _id: 1 } },
            ...(skip > 0 ? [{ $skip: skip }] : []),
            { $limit: limit },
            { $project: { search: 0 } },
            ...joins,
          ],
          { maxTimeMS: MAX_TIME_MS },
        )
        .toArray()
      return found.map((row) => ({ row, sort: undefined }))
    }
    const found = await rows
      .find(match as mongo.Filter<Row>, { maxTimeMS: MAX_TIME_MS, sort: { _id: 1 }, skip, limit })
      .project<Row>({ search: 0 })
      .toArray()
    return found.map((row) => ({ row, sort: undefined }))
  }

  // RFC 7644 §3.4.2.3: resources without a value come last when ascending, first when descending.
  const direction = query.descending === true ? -1 : 1
  const field = sortField(query.sortBy)
  const found = await rows
    .aggregate<Row & { sort: { missing: number; value?: Cursor['sort'] } }>(
      [
        { $match: matching },
        {
          $set: {
            sort: {
              missing: { $cond: [{ $eq: [{ $type: `$${field}` }, 'missing'] }, 1, 0] },
              value: `$${field}`,
            },
          },
        },
        ...(cursor === null ? [] : [{ $match: beyond(after, cursor, direction) }]),
        { $sort: { 'sort.missing': direction, 'sort.value': direction, _id: 1 } },
        ...(skip > 0 ? [{ $skip: skip }] : []),
        { $limit: limit },
        { $project: { search: 0 } },
      ],
      { maxTimeMS: MAX_TIME_MS },
    )
    .toArray()
  return found.map((row) => ({ row: row as unknown as Row, sort: row.sort.value }))
}

/** Keyset: everything after the last row of the page before. */
function beyond(after: Query, cursor: Cursor, direction: 1 | -1): Query {
  const further = direction === 1 ? '$gt' : '$lt'
  const missing = cursor.sort === undefined ? 1 : 0
  const value = cursor.sort === undefined ? { $exists: false } : cursor.sort
  return {
    $or: [
      { 'sort.missing': { [further]: missing } },
      ...(missing === 1 ? [] : [{ 'sort.missing': 0, 'sort.value': { [further]: value } }]),
      {
        'sort.missing': missing,
        'sort.value': value,
        ...after,
      },
    ],
  }
}

function sortField(path: AttributePath): string {
  const field = comparedField(path)
  if (!path.multiValued || !field.startsWith('search.')) return field
  return `search.first.${field.slice('search.'.length)}`
}
