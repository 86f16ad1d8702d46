import { isJsonObject, type Json, type JsonObject } from '../shared/json.ts'
import { SLICE } from '../shared/turns.ts'

/** Whether an answer has so many members that writing it in one go would make others wait. */
export function isLong(body: JsonObject): boolean {
  const { members, Resources } = body
  const count = (value: Json | undefined): number => (Array.isArray(value) ? value.length : 0)
  if (count(members) > SLICE) return true
  if (!Array.isArray(Resources)) return false
  let total = 0
  for (const one of Resources) if (isJsonObject(one)) total += count(one['members'])
  return total > SLICE
}

/** JSON text in pieces of about a hundred kilobytes; together they are `JSON.stringify(body)`. */
export function* jsonPieces(body: JsonObject): Generator<string> {
  let mark = '{'
  for (const [name, value] of Object.entries(body)) {
    yield `${mark}${JSON.stringify(name)}:`
    mark = ','
    if (!Array.isArray(value)) yield JSON.stringify(value)
    else if (name === 'Resources') yield* resources(value)
    else yield* slices(value)
  }
  yield mark === '{' ? '{}' : '}'
}

function* resources(list: readonly Json[]): Generator<string> {
  let mark = '['
  for (const one of list) {
    yield mark
    mark = ','
    if (isJsonObject(one)) yield* jsonPieces(one)
    else yield JSON.stringify(one)
  }
  yield mark === '[' ? '[]' : ']'
}

function* slices(list: readonly Json[]): Generator<string> {
  if (list.length <= SLICE) {
    yield JSON.stringify(list)
    return
  }
  for (let from = 0; from < list.length; from += SLICE) {
    yield (from === 0 ? '[' : ',') + JSON.stringify(list.slice(from, from + SLICE)).slice(1, -1)
  }
  yield ']'
}
