import express, { type Request, type Response, type Router } from 'express'
import type { createTokenGrant, TokenOutcome } from '../auth/token-grant.ts'
import { assertNever } from '../shared/assert-never.ts'
import { HubError, isHubError } from '../shared/errors.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { requestIdOf } from '../telemetry/request-log.ts'
import { STATUS } from './problem.ts'

export interface TokenEndpointParts {
  grant: ReturnType<typeof createTokenGrant>
  log: Pick<Log, 'error' | 'warn'>
  metrics?: Pick<Metrics, 'authenticationFailed'>
}

/** An assertion of Entra has about 2 kB. */
const MAX_BODY = '16kb'
const FORM = 'application/x-www-form-urlencoded'

interface Answer {
  status: number
  body: Readonly<Record<string, string | number>>
  headers?: Readonly<Record<string, string>>
}

/** `POST /<sourceId>/token`, to be mounted at `/oauth`. Errors are those of RFC 6749 §5.2. */
export function createTokenEndpoint({ grant, log, metrics }: TokenEndpointParts): Router {
  const router = express.Router({ caseSensitive: true })
  const readText = express.text({ type: FORM, limit: MAX_BODY })

  router.all('/:sourceId/token', (request, response) => {
    if (request.method !== 'POST') {
      send(response, { status: 405, headers: { Allow: 'POST' }, body: invalid('use POST') })
      return
    }
    readText(request, response, (error?: unknown) => {
      if (error !== undefined) {
        send(response, { status: 400, body: invalid('the body cannot be read') })
        return
      }
      void answer(request).then((done) => send(response, done))
    })
  })
  return router

  async function answer(request: Request): Promise<Answer> {
    if (typeof request.body !== 'string') {
      return { status: 400, body: invalid(`send the parameters as ${FORM}`) }
    }
    try {
      const outcome = await grant({
        sourceId: String(request.params['sourceId']),
        parameters: new URLSearchParams(request.body),
        authorization: request.headers.authorization,
        address: request.ip ?? '',
      })
      if (outcome.kind === 'refused' && outcome.error === 'invalid_client') {
        metrics?.authenticationFailed('scim')
      }
      return answerOf(outcome)
    } catch (error) {
      const requestId = request.res === undefined ? undefined : requestIdOf(request.res)
      return failure(error, requestId)
    }
  }

  function failure(error: unknown, requestId: string | undefined): Answer {
    const status = error instanceof HubError ? STATUS[error.code] : 500
    if (!isHubError(error) || status !== 503) {
      log.error({ requestId, err: error }, 'token request failed')
      return { status: 500, body: { error: 'server_error' } }
    }
    log.warn({ requestId, code: error.code, err: error }, 'token request put off')
    return {
      status: 503,
      headers: { 'Retry-After': String(error.retryAfterSeconds ?? 5) },
      body: { error: 'temporarily_unavailable', error_description: error.message },
    }
  }
}

const invalid = (error_description: string) => ({ error: 'invalid_request', error_description })

function answerOf(outcome: TokenOutcome): Answer {
  switch (outcome.kind) {
    case 'granted':
      return {
        status: 200,
        body: {
          access_token: outcome.accessToken,
          token_type: 'Bearer',
          expires_in: outcome.expiresInSeconds,
          scope: outcome.scope,
        },
      }
    case 'refused':
      return {
        status: outcome.error === 'invalid_client' ? 401 : 400,
        ...(outcome.usedBasic ? { headers: { 'WWW-Authenticate': 'Basic realm="token"' } } : {}),
        body: { error: outcome.error, error_description: outcome.description },
      }
    case 'forbidden':
      return {
        status: 403,
        body: { error: 'unauthorized_client', error_description: outcome.description },
      }
    case 'slowed':
      return {
        status: 429,
        headers: { 'Retry-After': String(outcome.retryAfterSeconds) },
        body: { error: 'temporarily_unavailable', error_description: 'too many failed attempts' },
      }
    default:
      return assertNever(outcome)
  }
}

/** @see RFC 6749 §5.1 for the headers */
function send(response: Response, { status, body, headers }: Answer): void {
  response.status(status)
  response.setHeader('Cache-Control', 'no-store')
  response.setHeader('Pragma', 'no-cache')
  for (const [name, value] of Object.entries(headers ?? {})) response.setHeader(name, value)
  response.json(body)
}
