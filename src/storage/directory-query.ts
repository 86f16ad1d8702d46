import {
  EXACT_FORM,
  foldCase,
  INSTANT_FORM,
  isDeclared,
  urnField,
} from '../directory/comparison.ts'
import type { AttributePath, ComparisonOperator, Filter } from '../directory/query.ts'
import { assertNever } from '../shared/assert-never.ts'
import { HubError } from '../shared/errors.ts'

/** A MongoDB query document. */
export type Query = Record<string, unknown>

/** Matches no document; MongoDB answers it without reading. */
const NOTHING: Query = { _id: { $in: [] } }
const EVERYTHING: Query = {}

/** What the compiler must be told about the collection that it compiles for. */
export interface QueryTarget {
  resourceType: 'User' | 'Group'
  /** SCIM id → `_id`. */
  key(id: string): string
  /** Conditions on other collections, resolved beforehand; see `joinsOf`. */
  joined: ReadonlyMap<Filter, readonly string[]>
}

/** The attribute of each resource type that lives in the memberships collection. */
export const JOINED_ATTRIBUTE = { User: 'groups', Group: 'members' } as const

/** The parts of a filter that ask about memberships: each has to be resolved to a list of `_id`s first. */
export function joinsOf(
  filter: Filter,
  type: 'User' | 'Group',
): Exclude<Filter, { kind: 'and' | 'or' | 'not' }>[] {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return filter.of.flatMap((part) => joinsOf(part, type))
    case 'not':
      return joinsOf(filter.of, type)
    case 'present':
    case 'compare':
    case 'element':
      return filter.path.extension === undefined && filter.path.attribute === JOINED_ATTRIBUTE[type]
        ? [filter]
        : []
    default:
      return assertNever(filter)
  }
}

/** A resolved filter as a MongoDB query on rows with a search form. */
export function compileFilter(filter: Filter, target: QueryTarget): Query {
  const ids = target.joined.get(filter)
  if (ids !== undefined) {
    const among: Query = { _id: { $in: ids } }
    return filter.kind === 'compare' && filter.operator === 'ne' ? { $nor: [among] } : among
  }
  switch (filter.kind) {
    case 'and':
      if (filter.of.length === 0) return EVERYTHING
      return { $and: filter.of.map((part) => compileFilter(part, target)) }
    case 'or':
      if (filter.of.length === 0) return NOTHING
      return { $or: filter.of.map((part) => compileFilter(part, target)) }
    case 'not':
      return { $nor: [compileFilter(filter.of, target)] }
    case 'present':
      return isRowField(filter.path) ? EVERYTHING : { [fieldOf(filter.path)]: { $exists: true } }
    case 'compare':
      return rowCondition(filter, target) ?? compare(comparedField(filter.path), filter)
    case 'element': {
      const { extension } = filter.path
      const field = (path: AttributePath): string => path.attribute + formOf({ ...path, extension })
      return { [fieldOf(filter.path)]: { $elemMatch: compileElement(filter.where, field) } }
    }
    default:
      return assertNever(filter)
  }
}

/** A filter whose paths are relative to one element of a multi-valued attribute. */
export function compileElement(
  filter: Filter,
  field: (path: AttributePath) => string = (path) => path.attribute,
): Query {
  const inner = (part: Filter): Query => compileElement(part, field)
  switch (filter.kind) {
    case 'and':
      return filter.of.length === 0 ? EVERYTHING : { $and: filter.of.map(inner) }
    case 'or':
      return filter.of.length === 0 ? NOTHING : { $or: filter.of.map(inner) }
    case 'not':
      return { $nor: [inner(filter.of)] }
    case 'present':
      return { [field(filter.path)]: { $exists: true } }
    case 'compare':
      return compare(field(filter.path), filter)
    case 'element':
      throw new HubError('ERR_INVALID_FILTER', 'a value filter cannot hold another value filter')
    default:
      return assertNever(filter)
  }
}

/** Where an attribute lies in the search form. */
export function fieldOf(path: AttributePath): string {
  const steps = [path.attribute, ...(path.sub === undefined ? [] : [path.sub])]
  if (path.extension === undefined) {
    const own = ROW_FIELDS[steps.join('.')]
    if (own !== undefined) return own
  }
  return [
    'search',
    ...(path.extension === undefined ? [] : [urnField(path.extension)]),
    ...steps,
  ].join('.')
}

/** Where the form of an attribute lies that it is compared, and sorted, by. */
export const comparedField = (path: AttributePath): string => fieldOf(path) + formOf(path)

type Compared = Pick<AttributePath, 'type' | 'caseExact'> & { extension?: string | undefined }

function formOf({ extension, type, caseExact }: Compared): string {
  if (extension === undefined || !isDeclared(extension)) return ''
  if (type === 'dateTime') return INSTANT_FORM
  const isText = type === 'string' || type === 'reference' || type === 'binary'
  return isText && caseExact ? EXACT_FORM : ''
}

/** Attributes that are fields of the row, not of the search form. */
const ROW_FIELDS: Readonly<Record<string, string>> = {
  id: 'id',
  active: 'active',
  'meta.created': 'created',
  'meta.lastModified': 'lastModified',
}

const isRowField = (path: AttributePath): boolean =>
  path.extension === undefined && (path.attribute === 'meta' || path.attribute === 'id')

type Comparison = Extract<Filter, { kind: 'compare' }>

/** Conditions on what is computed rather than stored. */
function rowCondition(filter: Comparison, target: QueryTarget): Query | undefined {
  const { path, operator, value } = filter
  if (path.extension !== undefined) return undefined
  const name = path.sub === undefined ? path.attribute : `${path.attribute}.${path.sub}`
  switch (name) {
    case 'id':
      if (operator === 'eq' && typeof value === 'string') return { _id: target.key(value) }
      return undefined
    case 'meta.resourceType':
      if (operator === 'eq') return value === target.resourceType ? EVERYTHING : NOTHING
      if (operator === 'ne') return value === target.resourceType ? NOTHING : EVERYTHING
      break
    case 'meta.version': {
      const version = /^W\/"(\d{1,15})"$/.exec(String(value))?.[1]
      if (operator === 'eq') return version === undefined ? NOTHING : { version: Number(version) }
      if (operator === 'ne') return { version: { $ne: Number(version ?? -1) } }
      break
    }
    case 'meta.location':
      break
    default:
      return undefined
  }
  throw new HubError('ERR_INVALID_FILTER', `${name} ${operator} cannot be searched`)
}

function compare(field: string, { path, operator, value }: Comparison): Query {
  if (value === null) {
    if (operator === 'eq') return { [field]: { $exists: false } }
    if (operator === 'ne') return { [field]: { $exists: true } }
    return NOTHING
  }
  const operand =
    typeof value === 'object'
      ? field.endsWith(INSTANT_FORM)
        ? value.instant
        : new Date(value.instant)
      : typeof value === 'string' && !path.caseExact
        ? foldCase(value)
        : value
  return { [field]: condition(operator, operand) }
}

function condition(operator: ComparisonOperator, operand: string | number | boolean | Date): Query {
  switch (operator) {
    // `ne` is the opposite of `eq`: an absent value is not equal to anything.
    case 'ne':
    case 'eq':
    case 'gt':
    case 'lt':
      return { [`$${operator}`]: operand }
    case 'ge':
      return { $gte: operand }
    case 'le':
      return { $lte: operand }
    case 'co':
      return { $regex: literal(operand) }
    case 'sw':
      return { $regex: `^${literal(operand)}` }
    case 'ew':
      // `$` would also match before a last line break.
      return { $regex: `${literal(operand)}\\z` }
    default:
      return assertNever(operator)
  }
}

function literal(operand: string | number | boolean | Date): string {
  return String(operand)
    .replace(/[\\^$.*+?()[\]{}|#\s-]/g, (char) => `\\x{${(char.codePointAt(0) ?? 0).toString(16)}}`)
    .replaceAll('\0', '\\x00')
}
