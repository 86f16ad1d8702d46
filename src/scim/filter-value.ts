import { DATE_FORM } from '../directory/comparison.ts'
import type { ComparisonOperator } from '../directory/query.ts'
import type { Dialect } from './dialect.ts'
import { invalidFilter, type Token, unexpectedToken } from './filter-tokens.ts'
import type { Attribute } from './schema.ts'

const ORDERING: ReadonlySet<string> = new Set(['gt', 'ge', 'lt', 'le'])
const TEXTUAL: ReadonlySet<string> = new Set(['co', 'sw', 'ew'])

/** A value as it stands in the filter. */
export interface RawValue {
  value: string | number | boolean | null
  /** As it was written, when it stood in no quotes. */
  word?: string
}

/**
 * Reads a value.
 *
 * @throws HubError ERR_INVALID_FILTER for what is no JSON value, unless the dialect takes it for a text
 */
export function rawValue(token: Token, dialect: Dialect): RawValue {
  if (token.kind === 'string') return { value: token.value }
  if (token.kind !== 'word') throw unexpectedToken(token, 'a value')
  const word = token.text
  switch (word) {
    case 'true':
      return { value: true, word }
    case 'false':
      return { value: false, word }
    case 'null':
      return { value: null, word }
  }
  if (isJsonNumber(word)) return { value: Number(word), word }
  if (dialect.looseFilterValues) return { value: unquoted(word) }
  throw invalidFilter(`"${word}" is not a JSON value; strings stand in double quotes`)
}

/** Single quotes are no quotes of JSON; a value that kept them would be found nowhere, and nobody would know why. */
const unquoted = (word: string): string =>
  word.length > 1 && word.startsWith("'") && word.endsWith("'") ? word.slice(1, -1) : word

/** The JSON number grammar: `Number()` alone would take `0x10`, `Infinity` and the empty string. */
const isJsonNumber = (text: string): boolean =>
  /^-?\d{1,18}(\.\d{1,18})?([eE][+-]?\d{1,3})?$/.test(text)

/**
 * A filter's value in the type of the attribute that it is compared with.
 *
 * @param word the value as it was written, when it stood in no quotes
 * @throws HubError ERR_INVALID_FILTER for a value or an operator that does not fit the type
 * @see RFC 7644 §3.4.2.2, table 3
 */
export function typedValue(
  attribute: Attribute,
  operator: ComparisonOperator,
  given: string | number | boolean,
  word: string | undefined,
  dialect: Dialect,
): string | number | boolean | { instant: number } {
  const unfit = invalidFilter(
    `"${attribute.name}" cannot be compared by "${operator}" with this value`,
  )
  switch (attribute.type) {
    case 'boolean': {
      if (ORDERING.has(operator) || TEXTUAL.has(operator)) throw unfit
      if (typeof given === 'boolean') return given
      const word = String(given).toLowerCase()
      if ((word === 'true' || word === 'false') && dialect.looseFilterValues) return word === 'true'
      throw unfit
    }
    case 'dateTime': {
      if (typeof given !== 'string' || TEXTUAL.has(operator)) throw unfit
      const instant = DATE_FORM.test(given) ? instantOf(given, dialect) : Number.NaN
      if (Number.isNaN(instant)) throw unfit
      return { instant }
    }
    case 'integer':
    case 'decimal':
      if (typeof given !== 'number') throw unfit
      return given
    case 'binary':
      if (typeof given !== 'string' || ORDERING.has(operator)) throw unfit
      return given
    default:
      if (typeof given === 'string') return given
      // A text without quotes that looks like something else, e.g. `employeeNumber eq 0042`.
      if (typeof given === 'boolean' && ORDERING.has(operator)) throw unfit
      if (word !== undefined && dialect.looseFilterValues) return word
      throw unfit
  }
}

/** A `+` before the time zone that was not percent-encoded has become a blank. */
function instantOf(text: string, dialect: Dialect): number {
  const blank = text.search(/ \d\d:?\d\d$/)
  if (blank < 0 || !dialect.looseFilterValues) return Date.parse(text)
  return Date.parse(`${text.slice(0, blank)}+${text.slice(blank + 1)}`)
}
