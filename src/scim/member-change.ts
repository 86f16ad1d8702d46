import type { Filter } from '../directory/query.ts'
import type { Membership } from '../directory/types.ts'
import type { MemberDelta, MemberRef } from '../intake/directory.ts'
import { HubError } from '../shared/errors.ts'
import { isJsonObject, type Json } from '../shared/json.ts'
import { inTurns } from '../shared/turns.ts'
import type { Dialect } from './dialect.ts'
import { matches } from './match.ts'
import type { Assignment } from './patch-request.ts'
import { GROUP } from './schema.ts'
import { coerceElement, coerceValue } from './value.ts'

/** An id of a member; longer ones are no ids of ours. */
const MAX_ID_LENGTH = 256

/** Members as a body lists them, each once. @throws HubError ERR_INVALID_VALUE */
export async function memberRefs(value: Json | undefined, dialect: Dialect): Promise<MemberRef[]> {
  const attribute = GROUP.attributes.get('members')
  if (attribute === undefined || value === undefined) return []
  // An element that says nothing, such as `{"value": ""}`, is a mistake, and not nobody.
  const refOf = (element: Json): MemberRef[] =>
    element === null ? [] : [memberRef(coerceElement(attribute, element, dialect) ?? {}, dialect)]
  const lone = (): MemberRef[] =>
    ((coerceValue(attribute, value, dialect) ?? []) as Json[]).flatMap(refOf)
  const list = Array.isArray(value) ? await inTurns(value, (slice) => slice.flatMap(refOf)) : lone()
  return await eachOnce(list)
}

/** Of members that are named twice, the last one, in the place of the first. */
async function eachOnce(members: readonly MemberRef[]): Promise<MemberRef[]> {
  const byId = new Map<string, MemberRef>()
  await inTurns(members, (slice) => {
    for (const member of slice) byId.set(member.value, member)
    return []
  })
  return [...byId.values()]
}

function memberRef(element: Json, dialect: Dialect): MemberRef {
  const fields = isJsonObject(element) ? element : {}
  const { type, display, $ref } = fields
  const value = fields['value'] ?? (dialect.looseShapes ? idOf($ref) : undefined)
  if (typeof value !== 'string' || value === '' || value.length > MAX_ID_LENGTH) {
    throw new HubError('ERR_INVALID_VALUE', '"members" needs the id of each member in "value"')
  }
  const isGroup =
    typeof type === 'string'
      ? type.toLowerCase() === 'group'
      : typeof $ref === 'string' && /\/Groups\/[^/]*$/i.test($ref)
  return {
    value,
    type: isGroup ? 'Group' : 'User',
    ...(typeof display === 'string' ? { display } : {}),
  }
}

/** The id at the end of a reference to a user or a group. */
function idOf(ref: Json | undefined): string | undefined {
  return typeof ref === 'string' ? /\/(?:Users|Groups)\/([^/?#]+)\/?$/i.exec(ref)?.[1] : undefined
}

/** Everybody in the list, and nobody else. */
export const onlyMembers = (members: readonly MemberRef[]): MemberDelta => ({
  base: 'clear',
  add: members,
  remove: [],
})

/** Assignments to `members` are taken by `memberDelta`, all others by `patched`. */
export const isAboutMembers = ({ target }: Assignment): boolean =>
  target.kind === 'attribute' && target.attribute.name === 'members'

/**
 * What the assignments to `members` of one PATCH do, all together. The present members are not read for
 * adding, removing by id, replacing and clearing, however many there are.
 *
 * @param present reads them, for filters on more than `value`
 * @returns undefined when no assignment is about members
 */
export async function memberDelta(
  assignments: readonly Assignment[],
  present: () => Promise<readonly Membership[]>,
  dialect: Dialect,
): Promise<MemberDelta | undefined> {
  const ofMembers = assignments.filter(isAboutMembers)
  if (ofMembers.length === 0) return undefined
  let base: MemberDelta['base'] = 'keep'
  const add = new Map<string, MemberRef>()
  const remove = new Set<string>()
  const join = (members: readonly MemberRef[]): void => {
    for (const member of members) {
      if (!add.has(member.value)) add.set(member.value, member)
      remove.delete(member.value)
    }
  }
  const leave = (ids: readonly string[]): void => {
    for (const id of ids) {
      add.delete(id)
      if (base === 'keep') remove.add(id)
    }
  }
  const clear = (): void => {
    base = 'clear'
    add.clear()
    remove.clear()
  }
  const effective = async (): Promise<MemberRef[]> => {
    const rows =
      base === 'clear'
        ? []
        : await inTurns(await present(), (slice) =>
            slice.flatMap(({ memberId, type, display }) =>
              remove.has(memberId)
                ? []
                : [{ value: memberId, type, ...(display === undefined ? {} : { display }) }],
            ),
          )
    return await eachOnce([...rows, ...add.values()])
  }
  const selectedBy = async (filter: Filter): Promise<string[]> => {
    const exact = withExactIds(filter)
    return (
      idsNamedBy(exact) ??
      (await inTurns(await effective(), (slice) =>
        slice.filter((row) => matches(exact, { ...row })).map((row) => row.value),
      ))
    )
  }

  for (const { op, target, value } of ofMembers) {
    if (target.kind !== 'attribute') continue
    const { filter, sub } = target
    if (sub !== undefined && !(op === 'remove' && sub.name === 'value')) {
      throw new HubError(
        'ERR_MUTABILITY',
        `"members.${sub.name}" never changes; remove and add the member`,
      )
    }
    if (filter !== undefined) {
      const ids = await selectedBy(filter)
      if (op === 'remove') {
        leave(ids)
        continue
      }
      const members = await memberRefs(value, dialect)
      if (op === 'replace') {
        const there = new Set((await effective()).map((row) => row.value))
        const matched = ids.filter((id) => there.has(id))
        if (matched.length === 0 && !dialect.createByFilter) {
          throw new HubError('ERR_NO_TARGET', 'no member matches the path')
        }
        leave(matched)
      }
      join(members)
    } else if (op === 'add') join(await memberRefs(value, dialect))
    else if (op === 'replace') {
      clear()
      join(await memberRefs(value, dialect))
    } else if (value === undefined) clear()
    else leave(await removedIds(value, dialect))
  }
  return { base, add: [...add.values()], remove: [...remove] }
}

/** Entra's default dialect: `remove` of `members` with a list means these people, never everybody. */
async function removedIds(value: Json, dialect: Dialect): Promise<string[]> {
  if (!dialect.removeByValue) {
    throw new HubError(
      'ERR_INVALID_VALUE',
      '"remove" takes no value; select by a filter in the path',
    )
  }
  if (value === null) {
    throw new HubError(
      'ERR_INVALID_VALUE',
      '"remove" with the value null says neither some nor all',
    )
  }
  return (await memberRefs(value, dialect)).map((member) => member.value)
}

/** `id` is caseExact, and so is what refers to it. */
function withExactIds(filter: Filter): Filter {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return { kind: filter.kind, of: filter.of.map(withExactIds) }
    case 'not':
      return { kind: 'not', of: withExactIds(filter.of) }
    case 'compare':
      if (filter.path.attribute === '$ref') return byReference(filter)
      return filter.path.attribute === 'value'
        ? { ...filter, path: { ...filter.path, caseExact: true } }
        : filter
    case 'present':
    case 'element':
      return filter
  }
}

/** Memberships keep no `$ref`: it is known from the id that it ends with. */
function byReference(filter: Extract<Filter, { kind: 'compare' }>): Filter {
  const { operator, value, path } = filter
  const id = typeof value === 'string' ? (idOf(value) ?? value) : undefined
  if (id === undefined || (operator !== 'eq' && operator !== 'ew') || id.includes('/')) {
    throw new HubError('ERR_INVALID_PATH', 'members are selected by "value", not by part of "$ref"')
  }
  return {
    kind: 'compare',
    path: { ...path, attribute: 'value', caseExact: true },
    operator,
    value: id,
  }
}

/** The ids of `value eq "a" or value eq "b"`; undefined for any other filter. */
function idsNamedBy(filter: Filter): string[] | undefined {
  if (filter.kind === 'or') {
    const parts = filter.of.map(idsNamedBy)
    return parts.every((part) => part !== undefined) ? parts.flat() : undefined
  }
  const byId =
    filter.kind === 'compare' && filter.operator === 'eq' && filter.path.attribute === 'value'
  return byId && typeof filter.value === 'string' ? [filter.value] : undefined
}
