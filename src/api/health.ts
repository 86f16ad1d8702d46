import { Router } from 'express'
import type { AdminAuthenticator } from '../auth/admin-authenticator.ts'
import { HubError } from '../shared/errors.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { requestIdOf } from '../telemetry/request-log.ts'
import { problemOf, writeProblem } from './problem.ts'

/** One thing without which this process should get no traffic. */
export interface Readiness {
  /** A word for people and probes, e.g. `storage`, `worker`. */
  name: string
  /** Throws, or takes too long, when it is not ready. */
  check(): Promise<void>
}

export interface HealthParts {
  readiness: readonly Readiness[]
  metrics: Pick<Metrics, 'text' | 'contentType'>
  authenticator: AdminAuthenticator
  log: Log
}

/** A probe that hangs is a probe that fails. */
const CHECK_TIMEOUT_MS = 3_000

/**
 * `/healthz`: the process runs. `/readyz`: each named part answers; public, without reasons. `/metrics`: for
 * the metrics token and the admin. Mount it at the root.
 */
export function createHealthRouter(parts: HealthParts): Router {
  const router = Router()
  router.get('/healthz', (_request, response) => {
    response.setHeader('Cache-Control', 'no-store')
    response.json({ status: 'up' })
  })

  router.get('/readyz', async (_request, response) => {
    const checks = await Promise.all(parts.readiness.map((part) => ready(part, parts.log)))
    const isReady = checks.every((check) => check.ready)
    response.setHeader('Cache-Control', 'no-store')
    response.status(isReady ? 200 : 503).json({ status: isReady ? 'ready' : 'not ready', checks })
  })

  router.get('/metrics', async (request, response) => {
    try {
      const { role } = await parts.authenticator.authenticate(
        request.headers.authorization,
        request.ip,
      )
      if (role !== 'metrics' && role !== 'admin') {
        throw new HubError('ERR_FORBIDDEN', 'your token does not allow this operation')
      }
      const text = await parts.metrics.text()
      response.setHeader('Content-Type', parts.metrics.contentType)
      response.end(text)
    } catch (error) {
      const problem = problemOf(error, requestIdOf(response))
      if (problem.status >= 500) parts.log.error({ err: error }, 'metrics failed')
      writeProblem(response, problem, error)
    }
  })
  return router
}

async function ready(
  { name, check }: Readiness,
  log: Log,
): Promise<{ name: string; ready: boolean }> {
  let timer: NodeJS.Timeout | undefined
  try {
    await Promise.race([
      check(),
      new Promise((_, reject) => {
        timer = setTimeout(
          () => reject(new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`)),
          CHECK_TIMEOUT_MS,
        )
      }),
    ])
    return { name, ready: true }
  } catch (error) {
    log.warn({ err: error, check: name }, 'not ready')
    return { name, ready: false }
  } finally {
    clearTimeout(timer)
  }
}
