import type { Request, Response } from 'express'
import { HubError } from '../shared/errors.ts'
import type { JsonObject } from '../shared/json.ts'
import { nextTurn } from '../shared/turns.ts'
import type { ScimAnswer, ScimParts } from './call.ts'
import { isLong, jsonPieces } from './json-pieces.ts'

/** A SCIM URL taken apart. */
export interface ScimPath {
  sourceId: string
  rest: readonly string[]
  query: URLSearchParams
}

/** @throws HubError ERR_NOT_FOUND when the path is not `/<sourceId>/v2/…` */
export function pathOf(request: Request): ScimPath {
  const [path = '', ...query] = request.url.split('?')
  let segments: string[]
  try {
    segments = path.split('/').slice(1).map(decodeURIComponent)
  } catch {
    throw new HubError('ERR_NOT_FOUND', 'the path is not well encoded')
  }
  const [sourceId = '', version, ...steps] = segments
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(sourceId) || version !== 'v2') {
    throw new HubError('ERR_NOT_FOUND', 'SCIM endpoints are below /<source>/v2')
  }
  // A base URL with a slash at its end, and a path that begins with one.
  const rest = steps.filter((step) => step !== '')
  return { sourceId, rest, query: new URLSearchParams(query.join('?')) }
}

/** A Host header with anything but a host in it is not echoed. */
export function originOf({ publicUrl }: ScimParts, request: Request): string {
  if (publicUrl !== undefined) return publicUrl.replace(/\/+$/, '')
  const host = request.headers.host ?? ''
  return `${request.protocol}://${/^[A-Za-z0-9.:[\]-]{1,255}$/.test(host) ? host : 'localhost'}`
}

/**
 * Work, or 503 when it takes longer; the work goes on.
 *
 * @param onLate told when work that was given up fails after all
 */
export async function withinBudget<T>(
  work: Promise<T>,
  milliseconds: number,
  onLate: (error: unknown) => void,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const late = new HubError('ERR_STORAGE_UNAVAILABLE', 'this takes too long; try again', {
        retryAfterSeconds: 5,
      })
      reject(late)
      work.catch(onLate)
    }, milliseconds)
  })
  try {
    return await Promise.race([work, expired])
  } finally {
    clearTimeout(timer)
  }
}

/** Sends an answer, unless the client is gone. One with very many members goes out piece by piece. */
export async function write(
  response: Response,
  { status, headers, body }: ScimAnswer,
): Promise<void> {
  if (response.headersSent || response.destroyed) return
  response.statusCode = status
  for (const [name, value] of Object.entries(headers ?? {})) response.setHeader(name, value)
  if (body === undefined) {
    response.end()
    return
  }
  response.setHeader('Content-Type', 'application/scim+json; charset=utf-8')
  if (isLong(body)) {
    await writePieces(response, body)
    return
  }
  const text = Buffer.from(JSON.stringify(body))
  response.setHeader('Content-Length', text.length)
  response.end(text)
}

/** Pieces are gathered to this many characters, then the others have their turn. */
const WRITE_AT = 65_536

async function writePieces(response: Response, body: JsonObject): Promise<void> {
  let text = ''
  for (const piece of jsonPieces(body)) {
    text += piece
    if (text.length < WRITE_AT) continue
    if (response.destroyed) return
    if (!response.write(text)) await drained(response)
    // Always: to a client that reads fast, the answer drains without a turn of the event loop.
    await nextTurn()
    text = ''
  }
  response.end(text)
}

/** The client has read on, or is gone. */
function drained(response: Response): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}
