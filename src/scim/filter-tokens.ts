import { HubError } from '../shared/errors.ts'

/** Characters that end a word. */
const BREAKS = new Set([' ', '\t', '\n', '\r', '(', ')', '[', ']', '"'])

/** `at` is the offset of its first character. */
export type Token =
  | { kind: 'word'; text: string; at: number }
  | { kind: 'string'; value: string; at: number }
  | { kind: 'mark'; text: string; at: number }
  | { kind: 'end'; at: number }

/** Splits a filter into tokens, each character read once. */
export function createTokens(text: string) {
  let position = 0
  let peeked: Token | undefined

  const scan = (): Token => {
    while (position < text.length && ' \t\n\r'.includes(text[position] ?? '')) position++
    const at = position
    const char = text[position]
    if (char === undefined) return { kind: 'end', at }
    if (char === '"') return { kind: 'string', value: scanString(), at }
    if (BREAKS.has(char)) {
      position++
      return { kind: 'mark', text: char, at }
    }
    while (position < text.length && !BREAKS.has(text[position] ?? ' ')) position++
    return { kind: 'word', text: text.slice(at, position), at }
  }

  /** A JSON string: finds its end, then lets the JSON parser judge the escapes. */
  const scanString = (): string => {
    const from = position
    position++
    while (position < text.length && text[position] !== '"')
      position += text[position] === '\\' ? 2 : 1
    position++
    try {
      return JSON.parse(text.slice(from, position)) as string
    } catch {
      throw invalidFilter(`the string that begins at ${from + 1} is not a JSON string`)
    }
  }

  const peek = (): Token => {
    peeked ??= scan()
    return peeked
  }
  const next = (): Token => {
    const token = peek()
    peeked = undefined
    return token
  }
  return {
    next,
    peek,
    /** Offset behind the last token taken. */
    position: () => (peeked === undefined ? position : peeked.at),
  }
}

/** A refused filter. */
export function invalidFilter(message: string): HubError {
  return new HubError('ERR_INVALID_FILTER', message)
}

/** A refused filter, for a token that does not fit. */
export function unexpectedToken(token: Token, wanted: string): HubError {
  const found =
    token.kind === 'end' ? 'the end' : token.kind === 'string' ? 'a string' : `"${token.text}"`
  return invalidFilter(`expected ${wanted} at ${token.at + 1}, found ${found}`)
}
