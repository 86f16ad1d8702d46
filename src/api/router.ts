import { once } from 'node:events'
import { type ErrorRequestHandler, type Request, type Response, Router } from 'express'
import type { AdminAuthenticator } from '../auth/admin-authenticator.ts'
import type { IdempotencyStore } from '../auth/idempotency-store.ts'
import type { Principal } from '../auth/principal.ts'
import type { Clock } from '../shared/clock.ts'
import { HubError, isHubError } from '../shared/errors.ts'
import type { Transactor } from '../shared/transaction.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { requestIdOf } from '../telemetry/request-log.ts'
import type { Vault } from '../vault/vault.ts'
import type { ActRecorder } from './acts.ts'
import { createCallActs } from './call-acts.ts'
import { type Attempt, createIdempotency } from './idempotency.ts'
import { hasBody, jsonBody } from './json-body.ts'
import { problemOf, writeProblem } from './problem.ts'
import type { Answer, Route } from './route.ts'
import { valid } from './validate.ts'

export interface RouterParts {
  authenticator: AdminAuthenticator
  log: Log
  metrics?: Pick<Metrics, 'authenticationFailed'>
  acts: ActRecorder
  transactor: Transactor
  idempotency: IdempotencyStore
  /** Seals kept answers: they may hold a token that is shown once. */
  vault: Pick<Vault, 'seal' | 'open'>
  clock: Clock
  /** Tests set it: an answer that its own schema refuses becomes a 500. */
  checkAnswers?: boolean
}

/** Whoever calls a public route. The role with the fewest rights: it may call nothing else here. */
const NOBODY: Principal = { id: 'nobody', role: 'metrics' }

/**
 * Serves routes: authenticate, authorise, read the body, validate, handle, answer. A caller without a right
 * learns nothing about the body; a path without a route is 404 and a method without one 405, for those who
 * are authenticated. Public routes are served to everybody.
 */
export function createRouter(routes: readonly Route[], parts: RouterParts): Router {
  const router = Router({ caseSensitive: true, strict: false })
  const open = new Set(routes.filter((route) => route.public).map(({ path }) => path))
  router.use((request, response, next) => {
    requestIdOf(response)
    response.setHeader('Cache-Control', 'no-store')
    response.setHeader('X-Content-Type-Options', 'nosniff')
    if (request.method === 'GET' && open.has(request.path)) {
      response.locals['principal'] = NOBODY
      next()
      return
    }
    authenticate(parts.authenticator, request).then(
      (principal) => {
        response.locals['principal'] = principal
        next()
      },
      (error: unknown) => {
        if (isHubError(error, 'ERR_UNAUTHENTICATED')) parts.metrics?.authenticationFailed('api')
        next(error)
      },
    )
  })

  const idempotency = createIdempotency(parts)
  const methods = new Map<string, string[]>()
  for (const route of routes) {
    const path = route.path.replaceAll(/\{(\w+)\}/g, ':$1')
    methods.set(path, [...(methods.get(path) ?? []), route.method])
    const method = route.method.toLowerCase() as Lowercase<Route['method']>
    router[method](
      path,
      (_request, response, next) => {
        const { role } = response.locals['principal'] as Principal
        next(route.public || route.allow.includes(role) ? undefined : forbidden())
      },
      jsonBody,
      (request, response) =>
        serve({
          route,
          request,
          response,
          parts,
          attempt: idempotency.attempt(route, request, response),
        }),
    )
  }
  for (const [path, allowed] of methods) {
    router.all(path, (_request, response) => {
      response.setHeader('Allow', allowed.join(', '))
      throw new HubError('ERR_METHOD_NOT_ALLOWED', `this resource allows ${allowed.join(', ')}`)
    })
  }
  router.use(() => {
    throw new HubError('ERR_NOT_FOUND', 'there is no such resource')
  })
  router.use(errorWriter(parts.log))
  return router
}

function authenticate(authenticator: AdminAuthenticator, request: Request): Promise<Principal> {
  return authenticator.authenticate(request.headers.authorization, request.ip, {
    method: request.method,
    cookie: request.headers.cookie,
    csrf: request.get('x-csrf-token'),
    origin: request.headers.origin,
  })
}

const forbidden = (): HubError =>
  new HubError('ERR_FORBIDDEN', 'your token does not allow this operation')

async function serve({
  route,
  request,
  response,
  parts,
  attempt,
}: {
  route: Route
  request: Request
  response: Response
  parts: RouterParts
  attempt: Attempt | undefined
}): Promise<void> {
  const signal = goneSignal(response)
  const principal = response.locals['principal'] as Principal
  const requestId = requestIdOf(response)
  const params = route.params === undefined ? {} : valid(route.params, request.params)
  const query = route.query === undefined ? {} : valid(route.query, { ...request.query })
  const body = readBody(route, request)
  const acts = createCallActs({
    actor: { principal, requestId },
    acts: parts.acts,
    transactor: parts.transactor,
    attempt,
  })
  const { headers } = request
  const authenticateAgain = () => authenticate(parts.authenticator, request)
  const who = { principal, authenticateAgain, requestId }
  const call = { params, query, body, ...who, headers, acts, signal }
  const handle = async (): Promise<Answer> => {
    const answer = await route.handle(call)
    if (parts.checkAnswers && mustRecord(route) && !acts.happened()) {
      throw new Error(`${route.method} ${route.path} left nothing in the audit trail`)
    }
    return answer
  }
  const answer = attempt === undefined ? await handle() : await attempt.once(handle, acts.happened)
  await write({ route, answer, response, signal, check: parts.checkAnswers ?? false })
}

/** Aborted when the client is gone, also when it went before it was asked for: nobody is told of that again. */
function goneSignal(response: Response): AbortSignal {
  const gone = new AbortController()
  if (response.destroyed) gone.abort()
  else response.once('close', () => gone.abort())
  return gone.signal
}

/** Whatever may change something says so in the audit trail. */
const mustRecord = (route: Route): boolean => route.method !== 'GET' && !route.changesNothing

function readBody(route: Route, request: Request): unknown {
  if (route.body === undefined) {
    if (hasBody(request) && JSON.stringify(request.body) !== '{}') {
      throw new HubError('ERR_INVALID_VALUE', 'this operation takes no body')
    }
    return {}
  }
  if (!hasBody(request) && !route.bodyOptional) {
    throw new HubError('ERR_SYNTAX', 'this operation needs a JSON body')
  }
  return valid(route.body, request.body ?? {})
}

async function write({
  route,
  answer,
  response,
  signal,
  check,
}: {
  route: Route
  answer: Answer
  response: Response
  signal: AbortSignal
  check: boolean
}): Promise<void> {
  const spec = route.answers[answer.status]
  if (spec === undefined) throw new Error(`${route.path} has no answer ${answer.status}`)
  if (check && spec.schema !== undefined) spec.schema.parse(answer.json)
  response.status(answer.status)
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value)
  if (answer.stream !== undefined) {
    response.setHeader('Content-Type', spec.mediaType ?? 'application/octet-stream')
    response.flushHeaders()
    for await (const piece of answer.stream) {
      if (signal.aborted) return
      if (!response.write(piece)) await drained(response, signal)
    }
    response.end()
  } else if (answer.content !== undefined) {
    response.setHeader('Content-Type', spec.mediaType ?? 'application/octet-stream')
    response.end(answer.content)
  } else if (answer.json !== undefined) {
    response.setHeader('Content-Type', 'application/json; charset=utf-8')
    response.end(JSON.stringify(answer.json))
  } else {
    response.end()
  }
}

/** Waits for room in the answer, or until nobody reads it any more: such an answer never drains. */
async function drained(response: Response, signal: AbortSignal): Promise<void> {
  try {
    await once(response, 'drain', { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

function errorWriter(log: Log): ErrorRequestHandler {
  // Four parameters make it an error handler.
  return (thrown: unknown, _request, response, next) => {
    if (response.headersSent) {
      next(thrown)
      return
    }
    // A path that does not decode (`%E0%A4`) never reaches a route.
    const error =
      thrown instanceof URIError
        ? new HubError('ERR_NOT_FOUND', 'there is no such resource')
        : thrown
    const problem = problemOf(error, requestIdOf(response))
    if (problem.status >= 500)
      log.error({ err: error, requestId: problem.requestId }, 'API failure')
    writeProblem(response, problem, error)
  }
}
