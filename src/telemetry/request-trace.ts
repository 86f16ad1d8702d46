import type { IncomingMessage, ServerResponse } from 'node:http'
import { requestIdOf, roomOf } from './request-log.ts'
import type { Tracing } from './tracing.ts'

/** Rooms whose requests change something; probes and scrapes would only be noise. */
const TRACED = new Set(['scim', 'api'])

/** One trace for each request. Mount it after `requestLog` and before all routers. The path is left out: it names people. */
export function requestTrace(tracing: Tracing) {
  return (request: IncomingMessage, response: ServerResponse, next: () => void): void => {
    const room = roomOf(request.url ?? '')
    if (!TRACED.has(room)) {
      next()
      return
    }
    const method = request.method ?? ''
    tracing.request(`${room} ${method}`, (span) => {
      response.once('close', () => {
        span.end({
          'http.request.method': method,
          'http.response.status_code': response.writableFinished ? response.statusCode : 499,
          'quittance.request_id': requestIdOf(response),
        })
      })
      next()
    })
  }
}
