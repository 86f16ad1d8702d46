import express, { type Request, type Response, Router } from 'express'
import { createFailureLimiter, type FailureLimiter } from '../auth/failure-limiter.ts'
import { isConnectorError, type VisitAnswer } from '../connector-sdk/contract.ts'
import type { ConnectorRunner } from '../connector-sdk/runner.ts'
import type { AppStore } from '../revocation/store.ts'
import type { Clock } from '../shared/clock.ts'
import { newId } from '../shared/ids.ts'
import type { Log } from '../telemetry/log.ts'

export interface VisitDeps {
  apps: Pick<AppStore, 'app'>
  runner: ConnectorRunner
  clock: Clock
  log: Log
}

/** Where an app's connector lets the application in: `/apps/<id>/…`. */
export const appAddress = (publicUrl: string, appId: string): string => `${publicUrl}/apps/${appId}`

const WELL_KNOWN = '/.well-known/ssf-configuration'

/**
 * Hands what applications ask at their app's address to the connector of that app. Who is asking, the connector finds
 * out. Also serves `/.well-known/ssf-configuration/apps/<id>`, where receivers look for an issuer with a path.
 */
export function createVisitRouter(deps: VisitDeps): Router {
  const router = Router()
  const limiter = createFailureLimiter(deps.clock)
  const body = express.text({ type: () => true, limit: '64kb' })
  router.all('/apps/:id/*path', body, (request, response) =>
    visit({ ...deps, limiter }, request, response, `/${pathOf(request)}`),
  )
  router.get(`${WELL_KNOWN}/apps/:id`, (request, response) =>
    visit({ ...deps, limiter }, request, response, WELL_KNOWN),
  )
  return router
}

function pathOf({ params }: Request): string {
  const { path } = params as { path?: string | string[] }
  return typeof path === 'string' ? path : (path ?? []).join('/')
}

async function visit(
  { apps, runner, limiter, log }: VisitDeps & { limiter: FailureLimiter },
  request: Request,
  response: Response,
  path: string,
): Promise<void> {
  const left = new AbortController()
  response.once('close', () => left.abort())
  const appId = String(request.params['id'])
  try {
    const app = await apps.app(appId)
    const open = app === null ? undefined : await runner.open(app)
    // Nobody learns from the answer which apps there are.
    if (open?.connector.serve === undefined) return send(response, { status: 404 })
    const call = open.call({ credential: 'doer', idempotencyKey: newId(), signal: left.signal })
    const asked = {
      method: request.method,
      path,
      query: plain(request.query),
      headers: plain(request.headers),
      body: typeof request.body === 'string' ? request.body : '',
      isPaused: app?.state === 'paused',
    }
    const answer = await open.connector.serve(asked, call)
    send(response, slowedDown(answer, `${appId} ${request.ip}`, limiter))
  } catch (error) {
    if (left.signal.aborted) return
    if (!isConnectorError(error)) throw error
    log.warn({ appId, fault: error.fault }, 'an application was not answered')
    send(response, { status: error.fault === 'transient' ? 503 : 500 })
  }
}

/** Counts a refusal. A right token always gets in: whoever guesses must not be able to lock the application out. */
function slowedDown(answer: VisitAnswer, from: string, limiter: FailureLimiter): VisitAnswer {
  if (answer.status !== 401) return answer
  const wait = limiter.blockedFor(from)
  limiter.failed(from)
  return wait === undefined ? answer : { status: 429, headers: { 'retry-after': String(wait) } }
}

function send(response: Response, { status, headers = {}, body }: VisitAnswer): void {
  response.status(status).set('cache-control', 'no-store').set(headers)
  if (body === undefined) response.end()
  else response.send(body)
}

function plain(values: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      typeof value === 'string' ? [[name, value]] : [],
    ),
  )
}
