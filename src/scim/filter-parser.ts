import type { AttributePath, ComparisonOperator, Filter } from '../directory/query.ts'
import type { Dialect } from './dialect.ts'
import {
  createTokens,
  invalidFilter as invalid,
  type Token,
  unexpectedToken as unexpected,
} from './filter-tokens.ts'
import { type RawValue, rawValue, typedValue } from './filter-value.ts'
import { type Attribute, attributePath, type ResourceSchema, resolveName } from './schema.ts'

/** Bounds of a filter; beyond them the answer is 400 invalidFilter. */
export const FILTER_LIMITS = { characters: 8_192, depth: 32, comparisons: 200 } as const

/** Never matches, and always: what becomes of attributes that a resource type does not have. */
const NEVER: Filter = { kind: 'or', of: [] }
const ALWAYS: Filter = { kind: 'and', of: [] }

export interface FilterOptions {
  dialect: Dialect
  /**
   * An attribute that the schema does not know: an error, or taken as an attribute without a value, which is
   * right when one filter is put to several resource types (RFC 7644 §3.4.2.2).
   */
  unknown: 'refuse' | 'absent'
}

/**
 * Parses and resolves a filter in one pass over its text: linear time, no regular expressions on it.
 *
 * @throws HubError ERR_INVALID_FILTER with the position of the fault
 * @see RFC 7644 §3.4.2.2
 */
export function parseFilter(text: string, schema: ResourceSchema, options: FilterOptions): Filter {
  const parser = createFilterParser(text, schema, options)
  const filter = parser.disjunction({ depth: 0, element: undefined })
  parser.end()
  return filter
}

export interface FilterScope {
  depth: number
  /** Inside `attribute[…]`: names are those of its sub-attributes. */
  element: Attribute | undefined
  /** The same of an attribute that is no list: there, `name[givenName pr]` is `name.givenName pr`. */
  single?: AttributePath
}

const OPERATORS: ReadonlySet<string> = new Set([
  'eq',
  'ne',
  'co',
  'sw',
  'ew',
  'gt',
  'ge',
  'lt',
  'le',
])
/** The parser behind `parseFilter`; PATCH paths use it for the part in brackets. */
export function createFilterParser(text: string, schema: ResourceSchema, options: FilterOptions) {
  if (text.length > FILTER_LIMITS.characters) {
    throw invalid(
      `a filter may have ${FILTER_LIMITS.characters} characters; this one has ${text.length}`,
    )
  }
  let comparisons = 0
  const tokens = createTokens(text)
  const { next, peek } = tokens

  const isWord = (token: Token, word: string): boolean =>
    token.kind === 'word' && token.text.toLowerCase() === word
  const isMark = (token: Token, mark: string): boolean =>
    token.kind === 'mark' && token.text === mark
  const expectMark = (mark: string): void => {
    const token = next()
    if (!isMark(token, mark)) throw unexpected(token, `"${mark}"`)
  }

  const chain = (
    scope: FilterScope,
    word: 'and' | 'or',
    part: (s: FilterScope) => Filter,
  ): Filter => {
    const of = [part(scope)]
    while (isWord(peek(), word)) {
      next()
      of.push(part(scope))
    }
    return of.length === 1 && of[0] !== undefined ? of[0] : { kind: word, of }
  }
  const disjunction = (scope: FilterScope): Filter => chain(scope, 'or', conjunction)
  const conjunction = (scope: FilterScope): Filter => chain(scope, 'and', unary)

  const deeper = (scope: FilterScope): FilterScope => {
    if (scope.depth >= FILTER_LIMITS.depth) {
      throw invalid(`a filter may be nested ${FILTER_LIMITS.depth} levels deep`)
    }
    return { ...scope, depth: scope.depth + 1 }
  }

  const unary = (scope: FilterScope): Filter => {
    const token = next()
    if (isMark(token, '(')) return group(scope)
    if (token.kind !== 'word') throw unexpected(token, 'an attribute')
    if (isWord(token, 'not') && isMark(peek(), '(')) {
      next()
      return { kind: 'not', of: group(scope) }
    }
    return expression(token.text, scope)
  }

  const group = (scope: FilterScope): Filter => {
    const inner = disjunction(deeper(scope))
    expectMark(')')
    return inner
  }

  const expression = (name: string, scope: FilterScope): Filter => {
    const path = resolve(name, scope)
    if (isMark(peek(), '[')) {
      next()
      return element(name, path, scope)
    }
    return comparison(path)
  }

  /** `attribute[filter]`, or `attribute[filter].sub op value`: then the same element must fulfil both. */
  const element = (name: string, path: Resolved | undefined, scope: FilterScope): Filter => {
    if (path === undefined) throw invalid(`unknown attribute "${name}"`)
    if (
      scope.element !== undefined ||
      path.path.sub !== undefined ||
      path.attribute.subs.size === 0
    ) {
      throw invalid(`"${name}" cannot take a filter in brackets`)
    }
    const isList = path.path.multiValued
    const inside: FilterScope = {
      ...deeper(scope),
      element: path.attribute,
      ...(isList ? {} : { single: path.path }),
    }
    const where = disjunction(inside)
    expectMark(']')
    const after = tokens.position()
    const follower = peek()
    if (follower.kind !== 'word' || !follower.text.startsWith('.') || follower.at !== after) {
      return isList ? { kind: 'element', path: path.path, where } : where
    }
    next()
    const condition = comparison(resolve(follower.text.slice(1), inside))
    const both: Filter = { kind: 'and', of: [where, condition] }
    return isList ? { kind: 'element', path: path.path, where: both } : both
  }

  interface Resolved {
    attribute: Attribute
    path: AttributePath
  }

  const resolve = (name: string, scope: FilterScope): Resolved | undefined => {
    if (scope.element !== undefined) {
      const sub = scope.element.subs.get(name.toLowerCase())
      if (sub === undefined) throw invalid(`"${scope.element.name}" has no sub-attribute "${name}"`)
      const { single } = scope
      return {
        attribute: sub,
        path: attributePath(
          single === undefined
            ? { kind: 'attribute', attribute: sub }
            : {
                kind: 'attribute',
                attribute: scope.element,
                sub,
                ...(single.extension === undefined ? {} : { extension: single.extension }),
              },
        ),
      }
    }
    const target = resolveName(schema, name, options.dialect.unprefixedExtensions)
    if (target?.kind === 'attribute') {
      return { attribute: target.sub ?? target.attribute, path: attributePath(target) }
    }
    if (options.unknown === 'absent') return undefined
    throw invalid(`unknown attribute "${name}"`)
  }

  const comparison = (resolved: Resolved | undefined): Filter => {
    comparisons++
    if (comparisons > FILTER_LIMITS.comparisons) {
      throw invalid(`a filter may make ${FILTER_LIMITS.comparisons} comparisons`)
    }
    const token = next()
    if (token.kind !== 'word') throw unexpected(token, 'an operator')
    const operator = token.text.toLowerCase()
    if (operator === 'pr')
      return resolved === undefined ? NEVER : { kind: 'present', path: resolved.path }
    if (!OPERATORS.has(operator)) throw invalid(`unknown operator "${token.text}"`)
    const raw = value()
    if (resolved === undefined) {
      return (operator === 'ne') === (raw.value !== null) ? ALWAYS : NEVER
    }
    return compared(resolved, operator as ComparisonOperator, raw)
  }

  const value = (): RawValue => rawValue(next(), options.dialect)

  const compared = (
    { attribute, path }: Resolved,
    operator: ComparisonOperator,
    raw: RawValue,
  ): Filter => {
    if (raw.value === null) {
      if (operator !== 'eq' && operator !== 'ne')
        throw invalid(`"${operator}" cannot compare with null`)
      return { kind: 'compare', path, operator, value: null }
    }
    if (attribute.type !== 'complex') {
      return {
        kind: 'compare',
        path,
        operator,
        value: typedValue(attribute, operator, raw.value, raw.word, options.dialect),
      }
    }
    // RFC 7643 §2.4: a complex attribute stands for its `value`.
    const sub = attribute.subs.get('value')
    if (sub === undefined)
      throw invalid(`"${attribute.name}" is complex; name one of its sub-attributes`)
    const full: AttributePath = {
      ...path,
      ...(path.sub === undefined ? { sub: sub.name } : {}),
      type: sub.type,
      caseExact: sub.caseExact,
    }
    return {
      kind: 'compare',
      path: full,
      operator,
      value: typedValue(sub, operator, raw.value, raw.word, options.dialect),
    }
  }

  const end = (): void => {
    const token = next()
    if (token.kind !== 'end') throw unexpected(token, 'the end')
  }

  return {
    disjunction,
    end,
    expectMark,
    /** Where the next token begins to be looked for. */
    position: tokens.position,
  }
}
