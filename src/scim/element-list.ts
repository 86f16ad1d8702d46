import { foldCase } from '../directory/comparison.ts'
import { HubError } from '../shared/errors.ts'
import { isJsonObject, type Json } from '../shared/json.ts'
import type { Dialect } from './dialect.ts'

/**
 * What makes two elements of a list the same: `value` and `type` without regard to case, else all of it
 * (RFC 7643 §2.4: "no two values … with the same combination of type and value").
 */
function identityOf(element: Json): string {
  if (!isJsonObject(element)) return JSON.stringify(element)
  const { value, type } = element
  if (typeof value === 'string') {
    return JSON.stringify([foldCase(value), typeof type === 'string' ? foldCase(type) : null])
  }
  return JSON.stringify(Object.entries(element).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Drops elements that were in the list before. */
export function withoutDuplicates(list: readonly Json[]): Json[] {
  const seen = new Set<string>()
  return list.filter((element) => {
    const identity = identityOf(element)
    return !seen.has(identity) && seen.add(identity)
  })
}

/** RFC 7644 §3.5.2.1 `add`: appends what is not there, and completes what is. */
export function joined(present: readonly Json[], added: readonly Json[]): Json[] {
  const list = new Map(present.map((element) => [identityOf(element), element]))
  for (const element of added) {
    const identity = identityOf(element)
    const before = list.get(identity)
    list.set(
      identity,
      isJsonObject(before) && isJsonObject(element)
        ? { ...before, ...element, ...sameSpelling(before) }
        : element,
    )
  }
  const primary = added.findLast(isPrimary)
  const winner = primary === undefined ? undefined : list.get(identityOf(primary))
  return winner === undefined ? [...list.values()] : onlyPrimary([...list.values()], winner)
}

/** An element that is there already keeps the letter case of what identifies it. */
function sameSpelling(before: { [key: string]: Json }): { [key: string]: Json } {
  return Object.fromEntries(
    Object.entries(before).filter(([name]) => name === 'value' || name === 'type'),
  )
}

export const isPrimary = (element: Json): boolean =>
  isJsonObject(element) && element['primary'] === true

/** RFC 7644 §3.5.2: a new primary turns the others off. */
export function onlyPrimary(list: readonly Json[], winner: Json): Json[] {
  return list.map((element) =>
    element !== winner && isJsonObject(element) && element['primary'] === true
      ? { ...element, primary: false }
      : element,
  )
}

/**
 * RFC 7643 §2.4: `primary: true` appears no more than once.
 *
 * @throws HubError ERR_INVALID_VALUE when several are, and the dialect does not forgive it
 */
export function singlePrimary(list: readonly Json[], where: string, dialect: Dialect): Json[] {
  const primaries = list.filter(isPrimary)
  const [winner] = primaries
  if (winner === undefined || primaries.length === 1) return [...list]
  if (!dialect.severalPrimaries) {
    throw new HubError('ERR_INVALID_VALUE', `"${where}" has more than one primary element`)
  }
  return onlyPrimary(list, winner)
}
