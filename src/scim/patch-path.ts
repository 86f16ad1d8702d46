import type { Filter } from '../directory/query.ts'
import { HubError, isHubError } from '../shared/errors.ts'
import type { Dialect } from './dialect.ts'
import { createFilterParser, FILTER_LIMITS } from './filter-parser.ts'
import { type Attribute, type Extension, type ResourceSchema, resolveName } from './schema.ts'

/** What a PATCH path points at. */
export type PatchTarget =
  | { kind: 'extension'; extension: Extension }
  | {
      kind: 'attribute'
      /** URN of the extension that the attribute belongs to. */
      extension?: string
      attribute: Attribute
      /** Elements of a multi-valued attribute. */
      filter?: Filter
      sub?: Attribute
    }

export type AttributeTarget = Extract<PatchTarget, { kind: 'attribute' }>

/**
 * Parses `attrPath` and `attrPath[filter].sub`.
 *
 * @throws HubError ERR_INVALID_PATH
 * @see RFC 7644 §3.5.2, figure 7
 */
export function parsePatchPath(
  path: string,
  schema: ResourceSchema,
  dialect: Dialect,
): PatchTarget {
  if (path.length > FILTER_LIMITS.characters) throw invalid('the path is too long')
  const bracket = path.indexOf('[')
  const name = (bracket < 0 ? path : path.slice(0, bracket)).trim()
  const target = resolveName(schema, name, dialect.unprefixedExtensions)
  if (target === undefined) throw invalid(`unknown path "${name.slice(0, 200)}"`)
  if (bracket < 0) return target
  if (target.kind === 'extension' || target.sub !== undefined || !isFilterable(target.attribute)) {
    throw invalid(`"${name}" cannot take a filter in brackets`)
  }

  const rest = path.slice(bracket + 1)
  const { attribute } = target
  let filter: Filter
  let end: number
  try {
    const parser = createFilterParser(rest, schema, { dialect, unknown: 'refuse' })
    filter = parser.disjunction({ depth: 0, element: attribute })
    parser.expectMark(']')
    end = parser.position()
  } catch (error) {
    if (isHubError(error, 'ERR_INVALID_FILTER')) throw invalid(error.message, error)
    throw error
  }
  const tail = rest.slice(end).trim()
  const sub = tail === '' ? undefined : attribute.subs.get(tail.slice(1).toLowerCase())
  if (tail !== '' && (!tail.startsWith('.') || sub === undefined)) {
    throw invalid(`"${attribute.name}" has no sub-attribute "${tail.slice(1, 200)}"`)
  }
  return { ...target, filter, ...(sub === undefined ? {} : { sub }) }
}

const isFilterable = (attribute: Attribute): boolean =>
  attribute.multiValued && attribute.type === 'complex'

function invalid(message: string, cause?: unknown): HubError {
  return new HubError('ERR_INVALID_PATH', message, cause === undefined ? {} : { cause })
}
