import type { IncomingMessage, ServerResponse } from 'node:http'
import { performance } from 'node:perf_hooks'
import { newId } from '../shared/ids.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'

/**
 * Gives each request an id (header `X-Request-Id` of the answer, where every room reads it), one log line
 * and its metrics. Mount it before all routers.
 */
export function requestLog(log: Log, metrics?: Pick<Metrics, 'requestDone'>) {
  return (request: IncomingMessage, response: ServerResponse, next: () => void): void => {
    const begun = performance.now()
    const requestId = newId()
    response.setHeader('X-Request-Id', requestId)
    // Express rewrites `url` inside routers, and the answer may end in one of them.
    const url = request.url ?? ''
    response.once('close', () => {
      const durationMs = Math.round((performance.now() - begun) * 10) / 10
      const status = response.writableFinished ? response.statusCode : 499
      const room = roomOf(url)
      const line = { requestId, method: request.method, path: safePath(url), status, durationMs }
      if (status >= 500) log.warn(line, 'request failed')
      else if (room === 'health' || room === 'metrics') log.debug(line, 'request')
      else log.info(line, 'request')
      metrics?.requestDone({
        room,
        method: request.method ?? '',
        status,
        seconds: durationMs / 1_000,
      })
    })
    next()
  }
}

/** The id that `requestLog` gave to this request, or a new one. */
export function requestIdOf(response: ServerResponse): string {
  const given = response.getHeader('X-Request-Id')
  if (typeof given === 'string') return given
  const requestId = newId()
  response.setHeader('X-Request-Id', requestId)
  return requestId
}

/** The path without its query; a segment that may be a name or an address becomes `…`. */
export function safePath(url: string): string {
  const [path = ''] = url.split('?', 1)
  return path
    .slice(0, 512)
    .split('/')
    .map((segment) => (/^[A-Za-z0-9_.-]{0,64}$/.test(segment) ? segment : '…'))
    .join('/')
}

const ROOMS = new Set(['scim', 'api', 'oauth', 'auth', 'apps', 'ledger', 'metrics'])

/** A bounded label: which part of the hub answered. */
export function roomOf(url: string): string {
  const [, first = ''] = (url.split('?', 1)[0] ?? '').split('/')
  if (ROOMS.has(first)) return first
  return first === 'healthz' || first === 'readyz' ? 'health' : 'web'
}
