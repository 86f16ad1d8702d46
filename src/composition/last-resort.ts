import type { NextFunction, Request, Response } from 'express'
import { problemOf, writeProblem } from '../api/problem.ts'
import { type ErrorCode, HubError, isHubError } from '../shared/errors.ts'
import type { Log } from '../telemetry/log.ts'
import { requestIdOf } from '../telemetry/request-log.ts'

/** What Express says of a request that cannot be read. */
const CODES: Readonly<Record<number, ErrorCode>> = {
  413: 'ERR_PAYLOAD_TOO_LARGE',
  415: 'ERR_MEDIA_TYPE',
}

/**
 * Answers for what no router has answered for. Without it Express shows its stack to whoever asked. Mount it last.
 */
export function lastResort(log: Pick<Log, 'error'>) {
  // Express tells it by its four parameters.
  return (error: unknown, _request: Request, response: Response, _next: NextFunction): void => {
    const known = readable(error)
    const problem = problemOf(known, requestIdOf(response))
    if (problem.status >= 500) log.error({ err: error, requestId: problem.requestId }, 'failed')
    if (response.headersSent) response.destroy()
    else writeProblem(response, problem, known)
  }
}

function readable(error: unknown): unknown {
  const { status } = (error ?? {}) as { status?: unknown }
  if (isHubError(error) || typeof status !== 'number' || status < 400 || status > 499) return error
  // Its message quotes the request.
  return new HubError(CODES[status] ?? 'ERR_SYNTAX', 'the request cannot be read')
}
