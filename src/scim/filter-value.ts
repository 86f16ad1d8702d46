import { DATE_FORM } from '../directory/comparison.ts'
import type { ComparisonOperator } from '../directory/query.ts'
import type { Dialect } from './dialect.ts'
import { invalidFilter } from './filter-tokens.ts'
import type { Attribute } from './schema.ts'

const ORDERING: ReadonlySet<string> = new Set(['gt', 'ge', 'lt', 'le'])
const TEXTUAL: ReadonlySet<string> = new Set(['co', 'sw', 'ew'])

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
