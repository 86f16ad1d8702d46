import { pipeline } from 'node:stream/promises'
import express, { type Request, type Response } from 'express'
import { HubError } from '../shared/errors.ts'
import type { Json } from '../shared/json.ts'
import { nextTurn } from '../shared/turns.ts'
import { parseJson } from './safe-json.ts'

/** What a failed read says of itself (the http-errors of body-parser). */
interface ReadError {
  type?: string
  status?: number
}

/** Bytes that are copied in one go where they come: longer bodies are not gathered first and copied then. */
const LONG = 1_000_000
/** A fast sender's next pieces are there at once, up to two megabytes in one turn. */
const COPIED_PER_TURN = 262_144

/**
 * Reads JSON bodies: `application/scim+json` and `application/json` in UTF-8 (RFC 7644 §3.1), gzip allowed.
 *
 * @param limit bytes, after decompression
 * @returns a function that throws HubError ERR_MEDIA_TYPE, ERR_PAYLOAD_TOO_LARGE or ERR_SYNTAX
 */
export function createBodyReader(limit: number) {
  const readRaw = express.raw({ type: () => true, limit })
  return async (request: Request, response: Response): Promise<Json> => {
    checkMediaType(request.headers['content-type'])
    const length = plainLength(request)
    if (length > LONG && length <= limit) return await parseJson(await readPlain(request, length))
    try {
      await new Promise<void>((resolve, reject) => {
        readRaw(request, response, (error?: unknown) => (error ? reject(error) : resolve()))
      })
    } catch (error) {
      throw readFailure(error)
    }
    const bytes: unknown = request.body
    if (!Buffer.isBuffer(bytes) || bytes.length === 0) {
      throw new HubError('ERR_SYNTAX', 'the request needs a body')
    }
    return await parseJson(bytes)
  }
}

/** How long a body says that it is; 0 when it says nothing, or is compressed. */
function plainLength({ headers }: Request): number {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
  return encoding === 'identity' ? Number(headers['content-length'] ?? 0) : 0
}

/**
 * Copies a body piece by piece as it comes. Many megabytes of fresh memory at once would be a turn of their own.
 *
 * @param length as declared; Node.js lets nobody send more
 * @throws HubError ERR_SYNTAX when the sender gave up
 */
async function readPlain(request: Request, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length)
  let filled = 0
  try {
    await pipeline(request, async (chunks: AsyncIterable<Buffer>) => {
      let copied = 0
      for await (const chunk of chunks) {
        filled += chunk.copy(bytes, filled)
        if (filled - copied < COPIED_PER_TURN) continue
        copied = filled
        await nextTurn()
      }
    })
  } catch (error) {
    throw new HubError('ERR_SYNTAX', 'the body cannot be read', { cause: error })
  }
  return bytes.subarray(0, filled)
}

/** A missing Content-Type is let pass: what it is not, the parser finds out. */
function checkMediaType(header: string | undefined): void {
  if (header === undefined || header.trim() === '') return
  const [type = '', ...parameters] = header.toLowerCase().split(';')
  const charset = parameters.map((one) => one.trim()).find((one) => one.startsWith('charset='))
  const name = charset?.slice('charset='.length).replaceAll('"', '')
  const isJson = ['application/scim+json', 'application/json'].includes(type.trim())
  if (isJson && (name === undefined || name === 'utf-8' || name === 'utf8')) return
  throw new HubError('ERR_MEDIA_TYPE', 'the body must be application/scim+json in UTF-8')
}

function readFailure(error: unknown): unknown {
  const { type, status } = error as ReadError
  if (type === 'entity.too.large') {
    return new HubError('ERR_PAYLOAD_TOO_LARGE', 'the body is too large', { cause: error })
  }
  if (status === 415) {
    return new HubError('ERR_MEDIA_TYPE', 'the Content-Encoding is not supported', { cause: error })
  }
  if (status !== undefined && status < 500) {
    return new HubError('ERR_SYNTAX', 'the body cannot be read', { cause: error })
  }
  return error
}
