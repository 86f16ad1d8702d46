import { HubError } from '../shared/errors.ts'
import type { Json } from '../shared/json.ts'
import { nextTurn } from '../shared/turns.ts'
import { parseInSlices } from './json-slices.ts'

/** Keys that would reach an object's prototype in code that copies by name. No SCIM attribute is called so. */
const POISON = new Set(['__proto__', 'constructor', 'prototype'])
/** Deeper than any SCIM message; keeps recursive code off the end of the stack. */
const MAX_DEPTH = 32
/** A text of so many bytes takes milliseconds to parse. */
const LONG = 1_000_000
const VALUES_PER_TURN = 5_000

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])

/**
 * Parses a request body in UTF-8.
 *
 * @throws HubError ERR_SYNTAX for what is not JSON, nested too deep, or has a key that no attribute may have
 */
export async function parseJson(bytes: Buffer): Promise<Json> {
  const isMarked = bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK)
  const body = isMarked ? bytes.subarray(BYTE_ORDER_MARK.length) : bytes
  let value: Json
  try {
    value =
      body.length > LONG
        ? await parseInSlices(body, MAX_DEPTH)
        : (JSON.parse(body.toString('utf8')) as Json)
  } catch (error) {
    if (error instanceof HubError) throw error
    throw new HubError('ERR_SYNTAX', 'the body is not valid JSON')
  }
  await checkKeys(value)
  return value
}

/** @throws HubError ERR_SYNTAX; see `parseJson` */
async function checkKeys(root: Json): Promise<void> {
  let level: Json[] = [root]
  let seen = 0
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) throw new HubError('ERR_SYNTAX', `the body is nested too deep`)
    const below: Json[] = []
    for (const value of level) {
      if (++seen % VALUES_PER_TURN === 0) await nextTurn()
      if (typeof value !== 'object' || value === null) continue
      if (Array.isArray(value)) {
        for (const item of value) below.push(item)
        continue
      }
      for (const key of Object.keys(value)) {
        if (isPoison(key))
          throw new HubError('ERR_SYNTAX', 'the body has a key that is not allowed')
        below.push(value[key] as Json)
      }
    }
    level = below
  }
}

/** Also as a step of a path: `emails.__proto__`, `urn:…:User:constructor`. */
function isPoison(key: string): boolean {
  if (key.length < 9) return false
  return key
    .toLowerCase()
    .split(/[.:[\]\s]/)
    .some((step) => POISON.has(step))
}
