import type { Request, Response } from 'express'
import { HubError } from '../shared/errors.ts'
import type { ScimAnswer, ScimParts } from './call.ts'

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
  if (segments.at(-1) === '') segments.pop()
  const [sourceId = '', version, ...rest] = segments
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(sourceId) || version !== 'v2') {
    throw new HubError('ERR_NOT_FOUND', 'SCIM endpoints are below /<source>/v2')
  }
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

/** Sends an answer, unless the client is gone. */
export function write(response: Response, { status, headers, body }: ScimAnswer): void {
  if (response.headersSent || response.destroyed) return
  response.statusCode = status
  for (const [name, value] of Object.entries(headers ?? {})) response.setHeader(name, value)
  if (body === undefined) {
    response.end()
    return
  }
  const text = Buffer.from(JSON.stringify(body))
  response.setHeader('Content-Type', 'application/scim+json; charset=utf-8')
  response.setHeader('Content-Length', text.length)
  response.end(text)
}
