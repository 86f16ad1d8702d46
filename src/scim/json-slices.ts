import { HubError } from '../shared/errors.ts'
import type { Json, JsonObject } from '../shared/json.ts'
import { nextTurn } from '../shared/turns.ts'

/** Bytes that are parsed, or looked through for structure, in one go: about a millisecond. */
const SLICE_LENGTH = 131_072

/**
 * `JSON.parse` for a text of many megabytes in UTF-8, slice by slice, so that nobody else waits for all of it. Only long
 * lists and objects are taken apart here; every slice goes through `JSON.parse`, and so does every fault. It works on the
 * bytes: to make one string of them would be a turn of its own. All that gives JSON its structure is ASCII, so no slice
 * ends within a character.
 *
 * @param maxDepth of nesting in what is taken apart
 * @throws SyntaxError as `JSON.parse`, HubError ERR_SYNTAX when it is nested too deep
 */
export async function parseInSlices(
  bytes: Buffer,
  maxDepth: number,
  sliceLength = SLICE_LENGTH,
): Promise<Json> {
  const ends = await matchingEnds(bytes, sliceLength)
  const at = { offset: 0 }
  const value = await take(0)
  skipSpace()
  if (at.offset < bytes.length) throw new SyntaxError('something follows the value')
  return value

  async function take(depth: number): Promise<Json> {
    if (depth > maxDepth) throw new HubError('ERR_SYNTAX', 'the body is nested too deep')
    skipSpace()
    const end = ends.get(at.offset)
    if (end === undefined) return short()
    return bytes[at.offset] === LIST ? await takeList(end, depth) : await takeObject(end, depth)
  }

  /** A value that is no long list or object: up to the end of what it is in. */
  function short(): Json {
    const from = at.offset
    at.offset = endOfValue(bytes, from)
    return JSON.parse(bytes.toString('utf8', from, at.offset)) as Json
  }

  async function takeList(end: number, depth: number): Promise<Json[]> {
    const list: Json[] = []
    at.offset++
    let from = at.offset
    const flush = async (to: number): Promise<void> => {
      const items = JSON.parse(`[${bytes.toString('utf8', from, to)}]`) as Json[]
      if (items.length === 0 && to < end) throw new SyntaxError('a value is missing')
      for (const item of items) list.push(item)
      await nextTurn()
    }
    for (let first = true; ; first = false) {
      skipSpace()
      if (first && at.offset === end) break
      if (ends.has(at.offset)) {
        // Before a long element stand whole ones, each with its comma.
        const last = lastBefore(bytes, from, at.offset)
        if (last >= from) {
          if (bytes[last] !== COMMA) throw new SyntaxError('a comma is missing')
          await flush(last)
        }
        list.push(await take(depth + 1))
        skipSpace()
        if (at.offset === end) {
          from = end
          break
        }
        expect(COMMA)
        from = at.offset
        skipSpace()
        if (at.offset === end) throw new SyntaxError('a value is missing')
        continue
      }
      at.offset = endOfValue(bytes, at.offset)
      skipSpace()
      if (at.offset >= end) break
      expect(COMMA)
      if (at.offset - from > sliceLength) {
        await flush(at.offset - 1)
        from = at.offset
        skipSpace()
        if (at.offset === end) throw new SyntaxError('a value is missing')
      }
    }
    if (from < end) await flush(end)
    at.offset = end + 1
    return list
  }

  async function takeObject(end: number, depth: number): Promise<JsonObject> {
    const entries: [string, Json][] = []
    at.offset++
    skipSpace()
    while (at.offset !== end) {
      const key = short()
      if (typeof key !== 'string') throw new SyntaxError('a key must be a string')
      skipSpace()
      expect(COLON)
      entries.push([key, await take(depth + 1)])
      skipSpace()
      if (at.offset === end) break
      expect(COMMA)
      skipSpace()
      if (at.offset === end) throw new SyntaxError('a key is missing')
    }
    at.offset = end + 1
    // Own properties, whatever they are called, as JSON.parse makes them.
    return Object.fromEntries(entries)
  }

  function skipSpace(): void {
    while (isSpace(bytes[at.offset])) at.offset++
  }

  function expect(byte: number): void {
    if (bytes[at.offset] !== byte) {
      throw new SyntaxError(`"${String.fromCharCode(byte)}" is missing`)
    }
    at.offset++
  }
}

const [QUOTE, ESCAPE, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a] as const
const [LIST, LIST_END, OBJECT, OBJECT_END] = [0x5b, 0x5d, 0x7b, 0x7d] as const

/** Space, tab, line feed, carriage return: RFC 8259 §2. */
const isSpace = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d

/** The last byte that is no space; before `from` when there is none. */
function lastBefore(bytes: Buffer, from: number, to: number): number {
  let last = to - 1
  while (last >= from && isSpace(bytes[last])) last--
  return last
}

/** Where each list and object that is longer than a slice begins → where it ends. */
async function matchingEnds(bytes: Buffer, sliceLength: number): Promise<Map<number, number>> {
  const ends = new Map<number, number>()
  const open: number[] = []
  let looked = 0
  for (let at = nextStructure(bytes, 0); at < bytes.length; ) {
    const byte = bytes[at]
    let next = at + 1
    if (byte === QUOTE) next = endOfString(bytes, at)
    else if (byte === LIST || byte === OBJECT) open.push(at)
    else {
      const from = open.pop()
      if (from === undefined) throw new SyntaxError('a bracket is closed that was not opened')
      if ((bytes[from] === LIST) !== (byte === LIST_END)) {
        throw new SyntaxError('brackets do not match')
      }
      if (at - from > sliceLength) ends.set(from, at)
    }
    if (next - looked > SLICE_LENGTH) {
      looked = next
      await nextTurn()
    }
    at = nextStructure(bytes, next)
  }
  if (open.length > 0) throw new SyntaxError('a bracket is not closed')
  return ends
}

/** The end of a short value: the comma or bracket behind it. Whether it is one, `JSON.parse` finds out. */
function endOfValue(bytes: Buffer, from: number): number {
  let depth = 0
  let at = from
  while (at < bytes.length) {
    const byte = bytes[at]
    if (byte === QUOTE) {
      at = endOfString(bytes, at)
      continue
    }
    if (byte === LIST || byte === OBJECT) depth++
    else if (byte === LIST_END || byte === OBJECT_END) {
      if (depth === 0) return at
      depth--
    } else if (depth === 0 && (byte === COMMA || byte === COLON)) return at
    at = depth > 0 ? nextStructure(bytes, at + 1) : at + 1
  }
  return bytes.length
}

/** The next quote or bracket. */
function nextStructure(bytes: Buffer, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === QUOTE || byte === LIST || byte === LIST_END) return at
    if (byte === OBJECT || byte === OBJECT_END) return at
  }
  return bytes.length
}

/** Behind the closing quote. */
function endOfString(bytes: Buffer, from: number): number {
  for (let at = from + 1; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === QUOTE) return at + 1
    if (byte === ESCAPE) at++
  }
  throw new SyntaxError('a string is not closed')
}
