import express, { type Request, type Response } from 'express'
import { HubError } from '../shared/errors.ts'
import type { Json } from '../shared/json.ts'
import { decodeText } from './decode-text.ts'
import { parseJson } from './safe-json.ts'

/** What a failed read says of itself (the http-errors of body-parser). */
interface ReadError {
  type?: string
  status?: number
}

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
    return await parseJson(await decodeText(bytes))
  }
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
