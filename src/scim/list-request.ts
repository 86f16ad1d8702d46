import type { ListQuery } from '../directory/query.ts'
import { HubError } from '../shared/errors.ts'
import { isJsonObject, type Json } from '../shared/json.ts'
import type { Dialect } from './dialect.ts'
import { parseFilter } from './filter-parser.ts'
import { attributePath, type ResourceSchema, resolveName } from './schema.ts'

/** Rows of a page: when the client does not say, and at most (IPSIE: up to 1,000). */
export const PAGE = { default: 100, max: 1_000 } as const

/** What a GET's query string or a SearchRequest asks for, before a schema gives it a meaning. */
export interface ListRequest {
  attributes: readonly string[]
  excludedAttributes: readonly string[]
  filter?: string
  sortBy?: string
  descending: boolean
  page: ListQuery['page']
}

/** Reads a query string. Keys that SCIM does not know are ignored: Entra sends its flag on every call. */
export function listRequestOfQuery(query: URLSearchParams): ListRequest {
  const one = (name: string): string | undefined => {
    const values = valuesOf(query, name)
    if (values.length > 1) throw invalid(`"${name}" is given more than once`)
    return values[0]
  }
  const filter = one('filter')
  const sortBy = one('sortBy')
  return {
    ...projectionNames(query),
    ...(filter === undefined ? {} : { filter }),
    ...(sortBy === undefined || sortBy === '' ? {} : { sortBy }),
    descending: isDescending(one('sortOrder')),
    page: pageOf(
      integer('startIndex', one('startIndex')),
      countOf(one('count'), one('cursor')),
      one('cursor'),
    ),
  }
}

/**
 * The values of a parameter, whatever the letter case of its name: a `Filter` that is passed over would answer with
 * everybody, and the client takes the first one for the person it asked for.
 */
export function valuesOf(query: URLSearchParams, name: string): string[] {
  if (query.size === 0) return []
  const lower = name.toLowerCase()
  return [...query].flatMap(([key, value]) =>
    key.length === lower.length && key.toLowerCase() === lower ? value : [],
  )
}

/** `attributes` and `excludedAttributes`, which every verb takes. */
export function projectionNames(
  query: URLSearchParams,
): Pick<ListRequest, 'attributes' | 'excludedAttributes'> {
  const names = (key: string): string[] =>
    valuesOf(query, key)
      .flatMap((value) => value.split(','))
      .map((name) => name.trim())
      .filter((name) => name !== '')
  return { attributes: names('attributes'), excludedAttributes: names('excludedAttributes') }
}

/** Reads a SearchRequest (RFC 7644 §3.4.3). @throws HubError ERR_SYNTAX, ERR_INVALID_VALUE */
export function listRequestOfBody(body: Json): ListRequest {
  if (!isJsonObject(body))
    throw new HubError('ERR_SYNTAX', 'the body must be a SearchRequest object')
  const given = new Map(Object.entries(body).map(([name, value]) => [name.toLowerCase(), value]))
  const urn = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest'
  const schemas = given.get('schemas')
  if (
    !Array.isArray(schemas) ||
    !schemas.some((one) => typeof one === 'string' && one.toLowerCase() === urn.toLowerCase())
  ) {
    throw new HubError('ERR_SYNTAX', `"schemas" must list ${urn}`)
  }
  const text = (name: string): string | undefined => {
    const value = given.get(name.toLowerCase()) ?? undefined
    if (value === undefined || typeof value === 'string') return value
    throw invalid(`"${name}" must be a string`)
  }
  const list = (name: string): string[] => {
    const value = given.get(name.toLowerCase()) ?? []
    const names = typeof value === 'string' ? value.split(',') : value
    if (!Array.isArray(names) || names.some((one) => typeof one !== 'string')) {
      throw invalid(`"${name}" must be a list of names`)
    }
    return (names as string[]).map((one) => one.trim()).filter((one) => one !== '')
  }
  /** As a query string would have it; what is no number is no integer either. */
  const digits = (name: string): string | undefined => {
    const value = given.get(name.toLowerCase()) ?? undefined
    return value === undefined || typeof value === 'number' ? value?.toString() : 'NaN'
  }
  const filter = text('filter')
  const sortBy = text('sortBy')
  return {
    attributes: list('attributes'),
    excludedAttributes: list('excludedAttributes'),
    ...(filter === undefined ? {} : { filter }),
    ...(sortBy === undefined || sortBy === '' ? {} : { sortBy }),
    descending: isDescending(text('sortOrder')),
    page: pageOf(
      integer('startIndex', digits('startIndex')),
      countOf(digits('count'), text('cursor')),
      text('cursor'),
    ),
  }
}

/**
 * Gives a request its meaning for one resource type.
 *
 * @throws HubError ERR_INVALID_FILTER, ERR_INVALID_PATH for an unknown sortBy
 */
export function listQueryOf(
  request: ListRequest,
  schema: ResourceSchema,
  dialect: Dialect,
  unknown: 'refuse' | 'absent' = 'refuse',
): ListQuery {
  const sortBy =
    request.sortBy === undefined
      ? undefined
      : resolveName(schema, request.sortBy, dialect.unprefixedExtensions)
  if (request.sortBy !== undefined && sortBy?.kind !== 'attribute' && unknown === 'refuse') {
    throw new HubError('ERR_INVALID_PATH', `cannot sort by "${request.sortBy.slice(0, 200)}"`)
  }
  return {
    ...(request.filter === undefined
      ? {}
      : { filter: parseFilter(request.filter, schema, { dialect, unknown }) }),
    ...(sortBy?.kind === 'attribute' ? { sortBy: attributePath(withValue(sortBy)) } : {}),
    descending: request.descending,
    page: request.page,
  }
}

/** A complex attribute sorts by its `value`. */
function withValue<T extends Parameters<typeof attributePath>[0]>(target: T): T {
  const value = target.sub ?? target.attribute.subs.get('value')
  return value === undefined ? target : { ...target, sub: value }
}

function isDescending(order: string | undefined): boolean {
  switch (order?.toLowerCase()) {
    case undefined:
    case '':
    case 'ascending':
      return false
    case 'descending':
      return true
    default:
      throw invalid('"sortOrder" must be ascending or descending')
  }
}

/** RFC 7644 §3.4.2.4: startIndex below 1 is 1, count below 0 is 0; RFC 9865 for `cursor`. */
function pageOf(
  startIndex: number | undefined,
  count: number | undefined,
  cursor: string | undefined,
): ListQuery['page'] {
  const rows = Math.min(Math.max(count ?? PAGE.default, 0), PAGE.max)
  if (cursor === undefined)
    return { kind: 'index', startIndex: Math.max(startIndex ?? 1, 1), count: rows }
  if (startIndex !== undefined) throw invalid('"startIndex" and "cursor" exclude each other')
  return { kind: 'cursor', cursor, count: rows }
}

/** RFC 9865 §2.1 has a word of its own for a wrong count beside a cursor. */
function countOf(text: string | undefined, cursor: string | undefined): number | undefined {
  if (cursor !== undefined && text !== undefined && text !== '' && !isInteger(text)) {
    throw new HubError('ERR_INVALID_COUNT', '"count" must be an integer')
  }
  return integer('count', text)
}

const isInteger = (text: string): boolean => /^[+-]?\d+$/.test(text)

function integer(name: string, text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  if (!isInteger(text)) throw invalid(`"${name}" must be an integer`)
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER)
}

function invalid(message: string): HubError {
  return new HubError('ERR_INVALID_VALUE', message)
}
