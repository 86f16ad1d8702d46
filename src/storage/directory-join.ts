import type { mongo } from 'mongoose'
import type { AttributePath, Filter } from '../directory/query.ts'
import { HubError } from '../shared/errors.ts'
import type { MembershipRow } from './directory-models.ts'
import { compileElement, JOINED_ATTRIBUTE } from './directory-query.ts'
import { key } from './directory-rows.ts'

/** A membership condition that many resources meet is refused: it would become a query of that many keys. */
const MAX_JOINED = 50_000

/** Keys of the users (or groups) that meet a condition on their groups (or members). `ne` resolves as `eq`. */
export async function keysJoinedBy(
  filter: Filter,
  type: 'User' | 'Group',
  sourceId: string,
  memberships: mongo.Collection<MembershipRow>,
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
  const exact = exactly(filter.kind === 'element' ? filter.where : filter)
  const condition =
    exact.kind === 'compare' && exact.operator === 'ne' && filter.kind === 'compare'
      ? compileElement({ ...exact, operator: 'eq' }, field)
      : compileElement(exact, field)
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
