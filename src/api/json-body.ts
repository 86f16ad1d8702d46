import express, { type Request, type RequestHandler } from 'express'
import { HubError } from '../shared/errors.ts'

/** Names that could reach a prototype. No schema of the API uses them, so no honest client sends them. */
const REFUSED_KEYS = new Set(['__proto__', 'constructor', 'prototype'])

const parse = express.json({
  limit: '1mb',
  strict: true,
  type: isJson,
  reviver: (key: string, value: unknown) => {
    if (REFUSED_KEYS.has(key)) throw new SyntaxError('a key of the body is refused')
    return value
  },
})

/** Reads a JSON body of at most 1 MiB into `request.body`. It runs after authentication, never before. */
export const jsonBody: RequestHandler = (request, response, next) => {
  if (hasBody(request) && !isJson(request)) {
    next(new HubError('ERR_MEDIA_TYPE', 'send the body as application/json in UTF-8'))
    return
  }
  parse(request, response, (error?: unknown) => {
    next(error === undefined ? undefined : translate(error))
  })
}

/** @see RFC 9112 §6.3 */
export function hasBody(request: Pick<Request, 'headers'>): boolean {
  const length = request.headers['content-length']
  return (
    request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
  )
}

function isJson(request: { headers: { 'content-type'?: string | undefined } }): boolean {
  const [type = ''] = (request.headers['content-type'] ?? '').split(';', 1)
  const charset = /charset="?([^";\s]+)/i.exec(request.headers['content-type'] ?? '')?.[1]
  return (
    ['application/json', 'application/merge-patch+json'].includes(type.trim().toLowerCase()) &&
    (charset === undefined || charset.toLowerCase() === 'utf-8')
  )
}

/** body-parser's errors carry a `type`. */
function translate(error: unknown): unknown {
  switch ((error as { type?: unknown }).type) {
    case 'entity.too.large':
      return new HubError('ERR_PAYLOAD_TOO_LARGE', 'the body is larger than 1 MiB')
    case 'encoding.unsupported':
    case 'charset.unsupported':
      return new HubError('ERR_MEDIA_TYPE', 'send the body as UTF-8, plain or gzip')
    case 'entity.parse.failed':
    case 'request.size.invalid':
    case 'request.aborted':
      return new HubError('ERR_SYNTAX', 'the body is not the JSON that was announced')
    default:
      // Bytes that do not unpack come without a type.
      return (error as { status?: unknown }).status === 400
        ? new HubError('ERR_SYNTAX', 'the body cannot be read', { cause: error })
        : error
  }
}
