import { HubError } from '../shared/errors.ts'
import type { Json, JsonObject } from '../shared/json.ts'
import { nextTurn } from '../shared/turns.ts'

/** Characters that are parsed in one go: about a millisecond. */
const SLICE_LENGTH = 131_072
/** Characters that are looked through for structure in one go. */
const LOOK_LENGTH = 524_288

/**
 * `JSON.parse` for a text of many megabytes, slice by slice, so that nobody else waits for all of it. Only long
 * lists and objects are taken apart here; every slice goes through `JSON.parse`, and so does every fault.
 *
 * @param maxDepth of nesting in what is taken apart
 * @throws SyntaxError as `JSON.parse`, HubError ERR_SYNTAX when it is nested too deep
 */
export async function parseInSlices(
  text: string,
  maxDepth: number,
  sliceLength = SLICE_LENGTH,
): Promise<Json> {
  const ends = await matchingEnds(text, sliceLength)
  const at = { offset: 0 }
  const value = await take(0)
  skipSpace()
  if (at.offset < text.length) throw new SyntaxError('something follows the value')
  return value

  async function take(depth: number): Promise<Json> {
    if (depth > maxDepth) throw new HubError('ERR_SYNTAX', 'the body is nested too deep')
    skipSpace()
    const end = ends.get(at.offset)
    if (end === undefined) return short()
    return text[at.offset] === '[' ? await takeList(end, depth) : await takeObject(end, depth)
  }

  /** A value that is no long list or object: up to the end of what it is in. */
  function short(): Json {
    const from = at.offset
    at.offset = endOfValue(text, from)
    return JSON.parse(text.slice(from, at.offset)) as Json
  }

  async function takeList(end: number, depth: number): Promise<Json[]> {
    const list: Json[] = []
    at.offset++
    let from = at.offset
    const flush = async (to: number): Promise<void> => {
      const items = JSON.parse(`[${text.slice(from, to)}]`) as Json[]
      if (items.length === 0 && to < end) throw new SyntaxError('a value is missing')
      for (const item of items) list.push(item)
      await nextTurn()
    }
    for (let first = true; ; first = false) {
      skipSpace()
      if (first && at.offset === end) break
      if (ends.has(at.offset)) {
        // Before a long element stand whole ones, each with its comma.
        const before = text.slice(from, at.offset).trimEnd()
        if (before !== '') {
          if (!before.endsWith(',')) throw new SyntaxError('a comma is missing')
          await flush(from + before.length - 1)
        }
        list.push(await take(depth + 1))
        skipSpace()
        if (at.offset === end) {
          from = end
          break
        }
        expect(',')
        from = at.offset
        skipSpace()
        if (at.offset === end) throw new SyntaxError('a value is missing')
        continue
      }
      at.offset = endOfValue(text, at.offset)
      skipSpace()
      if (at.offset >= end) break
      expect(',')
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
      expect(':')
      entries.push([key, await take(depth + 1)])
      skipSpace()
      if (at.offset === end) break
      expect(',')
      skipSpace()
      if (at.offset === end) throw new SyntaxError('a key is missing')
    }
    at.offset = end + 1
    // Own properties, whatever they are called, as JSON.parse makes them.
    return Object.fromEntries(entries)
  }

  function skipSpace(): void {
    SPACE.lastIndex = at.offset
    SPACE.test(text)
    at.offset = SPACE.lastIndex
  }

  function expect(char: string): void {
    if (text[at.offset] !== char) throw new SyntaxError(`"${char}" is missing`)
    at.offset++
  }
}

const SPACE = /[ \t\n\r]*/y
const STRUCTURE = /["[\]{}]/g

/** Where each list and object that is longer than a slice begins → where it ends. */
async function matchingEnds(text: string, sliceLength: number): Promise<Map<number, number>> {
  const ends = new Map<number, number>()
  const open: number[] = []
  let looked = 0
  for (let at = nextOf(STRUCTURE, text, 0); at < text.length; ) {
    const char = text[at]
    let next = at + 1
    if (char === '"') next = endOfString(text, at)
    else if (char === '[' || char === '{') open.push(at)
    else {
      const from = open.pop()
      if (from === undefined) throw new SyntaxError('a bracket is closed that was not opened')
      if ((text[from] === '[') !== (char === ']')) throw new SyntaxError('brackets do not match')
      if (at - from > sliceLength) ends.set(from, at)
    }
    if (next - looked > LOOK_LENGTH) {
      looked = next
      await nextTurn()
    }
    at = nextOf(STRUCTURE, text, next)
  }
  if (open.length > 0) throw new SyntaxError('a bracket is not closed')
  return ends
}

/** The end of a short value: the comma or bracket behind it. Whether it is one, `JSON.parse` finds out. */
function endOfValue(text: string, from: number): number {
  let depth = 0
  let at = from
  while (at < text.length) {
    const char = text[at]
    if (char === '"') {
      at = endOfString(text, at)
      continue
    }
    if (char === '[' || char === '{') depth++
    else if (char === ']' || char === '}') {
      if (depth === 0) return at
      depth--
    } else if (depth === 0 && (char === ',' || char === ':')) return at
    at = depth > 0 ? nextOf(STRUCTURE, text, at + 1) : at + 1
  }
  return text.length
}

function nextOf(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from
  return pattern.test(text) ? pattern.lastIndex - 1 : text.length
}

/** Behind the closing quote. */
function endOfString(text: string, from: number): number {
  for (let at = from + 1; ; ) {
    const quote = text.indexOf('"', at)
    if (quote < 0) throw new SyntaxError('a string is not closed')
    let escapes = 0
    while (text[quote - 1 - escapes] === '\\') escapes++
    if (escapes % 2 === 0) return quote + 1
    at = quote + 1
  }
}
