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
 * @throws HubError ERR_INVALID_FILTER for a value or an operator that does not fit the type
 * @see RFC 7644 §3.4.2.2, table 3
 */
export function typedValue(
  attribute: Attribute,
  operator: ComparisonOperator,
  given: string | number | boolean,
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
      const instant = DATE_FORM.test(given) ? Date.parse(given) : Number.NaN
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
      // An unquoted number for a text, e.g. `employeeNumber eq 42`.
      if (typeof given === 'number' && dialect.looseFilterValues) return String(given)
      throw unfit
  }
}
