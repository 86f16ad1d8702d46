import type { mongo } from 'mongoose'
import type { AttributePath, Filter } from '../directory/query.ts'
import { HubError } from '../shared/errors.ts'
import type { GroupRow, MembershipRow } from './directory-models.ts'
import { compileElement, JOINED_ATTRIBUTE } from './directory-query.ts'
import { key } from './directory-rows.ts'

/** A membership condition that many resources meet is refused: it would become a query of that many keys. */
const MAX_JOINED = 50_000

/** Groups of one display name, or part of one, in a condition on users. */
const MAX_NAMED = 1_000

interface Joined {
  memberships: mongo.Collection<MembershipRow>
  groups: mongo.Collection<GroupRow>
}

/** Keys of the users (or groups) that meet a condition on their groups (or members). `ne` resolves as `eq`. */
export async function keysJoinedBy(
  filter: Filter,
  type: 'User' | 'Group',
  sourceId: string,
  { memberships, groups }: Joined,
  maxTimeMS: number,
): Promise<string[]> {
  const fields: Record<string, string> =
    type === 'User' ? { value: 'groupId' } : { value: 'memberId', type: 'type', display: 'display' }
  const field = (path: AttributePath): string => {
    const sub = path.attribute === JOINED_ATTRIBUTE[type] ? (path.sub ?? 'value') : path.attribute
    const name = fields[sub]
    if (name !== undefined) return name
    throw new HubError(
      'ERR_INVALID_FILTER',
      `${JOINED_ATTRIBUTE[type]}.${sub} cannot be searched; ${JOINED_ATTRIBUTE[type]}.value can`,
    )
  }
  const inner = filter.kind === 'element' ? filter.where : filter
  const positive: Filter =
    inner.kind === 'compare' && inner.operator === 'ne' && filter.kind === 'compare'
      ? { ...inner, operator: 'eq' }
      : inner
  const named = type === 'User' ? await byGroupId(positive, sourceId, groups, maxTimeMS) : positive
  const condition = compileElement(exactly(named), field)
  const wanted = type === 'User' ? 'memberId' : 'groupId'
  const ids = await memberships
    .aggregate<{ _id: string }>(
      [
        { $match: { $and: [{ sourceId }, condition] } },
        { $group: { _id: `$${wanted}` } },
        { $limit: MAX_JOINED + 1 },
      ],
      { maxTimeMS },
    )
    .toArray()
  if (ids.length > MAX_JOINED) {
    throw new HubError('ERR_TOO_MANY', 'the filter matches too many memberships; narrow it')
  }
  return ids.map((row) => key(sourceId, row._id))
}

/** Memberships keep ids as they are (`id` is caseExact): compare them so, whatever the schema says of `value`. */
function exactly(filter: Filter): Filter {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return { kind: filter.kind, of: filter.of.map(exactly) }
    case 'not':
      return { kind: 'not', of: exactly(filter.of) }
    case 'compare':
      return { ...filter, path: { ...filter.path, caseExact: true } }
    case 'present':
    case 'element':
      return filter
  }
}

/**
 * `groups.display` and `groups.type` of a user, said by `groups.value`: memberships do not hold them.
 * All memberships are direct ones.
 */
async function byGroupId(
  filter: Filter,
  sourceId: string,
  groups: mongo.Collection<GroupRow>,
  maxTimeMS: number,
): Promise<Filter> {
  const again = (part: Filter): Promise<Filter> => byGroupId(part, sourceId, groups, maxTimeMS)
  switch (filter.kind) {
    case 'and':
    case 'or':
      return { kind: filter.kind, of: await Promise.all(filter.of.map(again)) }
    case 'not':
      return { kind: 'not', of: await again(filter.of) }
    case 'element':
      return filter
    case 'present':
    case 'compare': {
      const { attribute, sub } = filter.path
      const name = attribute === JOINED_ATTRIBUTE.User ? (sub ?? 'value') : attribute
      if (name !== 'display' && name !== 'type') return filter
      const { sub: _, ...rest } = filter.path
      const path: AttributePath = { ...rest, attribute: 'value' }
      if (filter.kind === 'present') return { kind: 'present', path }
      if (filter.operator === 'ne')
        return { kind: 'not', of: await again({ ...filter, operator: 'eq' }) }
      if (name === 'type') {
        if (filter.operator === 'eq')
          return String(filter.value).toLowerCase() === 'direct' ? ALWAYS : NEVER
        throw new HubError(
          'ERR_INVALID_FILTER',
          `groups.type ${filter.operator} cannot be searched`,
        )
      }
      const found = await groups
        .find(
          { $and: [{ sourceId }, compileElement(filter, () => 'search.displayName')] },
          { projection: { id: 1 }, limit: MAX_NAMED + 1, maxTimeMS },
        )
        .toArray()
      if (found.length > MAX_NAMED) {
        throw new HubError('ERR_TOO_MANY', 'the filter matches too many groups; narrow it')
      }
      return {
        kind: 'or',
        of: found.map(({ id }) => ({ kind: 'compare', path, operator: 'eq', value: id })),
      }
    }
  }
}

const ALWAYS: Filter = { kind: 'and', of: [] }
const NEVER: Filter = { kind: 'or', of: [] }
