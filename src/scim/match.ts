import { foldCase } from '../directory/comparison.ts'
import type { Filter } from '../directory/query.ts'
import { assertNever } from '../shared/assert-never.ts'
import { isJsonObject, type Json } from '../shared/json.ts'

/** Whether one element of a multi-valued attribute meets a value filter. Agrees with the storage's answer. */
export function matches(filter: Filter, element: Json): boolean {
  switch (filter.kind) {
    case 'and':
      return filter.of.every((part) => matches(part, element))
    case 'or':
      return filter.of.some((part) => matches(part, element))
    case 'not':
      return !matches(filter.of, element)
    case 'present':
      return elementValue(element, filter.path.attribute) !== undefined
    case 'compare':
      return compare(elementValue(element, filter.path.attribute), filter)
    case 'element':
      return false
    default:
      return assertNever(filter)
  }
}

function elementValue(element: Json, name: string): Json | undefined {
  const value = isJsonObject(element) ? element[name] : name === 'value' ? element : undefined
  return value === null || value === '' ? undefined : value
}

function compare(
  actual: Json | undefined,
  { operator, value, path }: Extract<Filter, { kind: 'compare' }>,
): boolean {
  if (value === null) return (actual === undefined) === (operator === 'eq')
  if (actual === undefined) return operator === 'ne'
  const fold = (text: Json): Json =>
    typeof text === 'string' && !path.caseExact ? foldCase(text) : text
  const left = typeof value === 'object' ? Date.parse(String(actual)) : fold(actual)
  const right = typeof value === 'object' ? value.instant : fold(value)
  switch (operator) {
    case 'eq':
      return left === right
    case 'ne':
      return left !== right
    case 'co':
      return String(left).includes(String(right))
    case 'sw':
      return String(left).startsWith(String(right))
    case 'ew':
      return String(left).endsWith(String(right))
    case 'gt':
      return order(left, right) > 0
    case 'ge':
      return order(left, right) >= 0
    case 'lt':
      return order(left, right) < 0
    case 'le':
      return order(left, right) <= 0
    default:
      return assertNever(operator)
  }
}

/** NaN for two values of different types: then no ordering holds. */
function order(left: Json, right: Json): number {
  if (typeof left !== typeof right || left === null || right === null) return Number.NaN
  return left < right ? -1 : left > right ? 1 : 0
}
