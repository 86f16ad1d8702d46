import { type ErrorRequestHandler, type Request, type Response, Router } from 'express'
import type { AdminAuthenticator } from '../auth/admin-authenticator.ts'
import type { Role } from '../auth/principal.ts'
import type { LedgerReader } from '../ledger/reader.ts'
import { parseTilePath } from '../ledger/tiles.ts'
import { HubError, isHubError } from '../shared/errors.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { requestIdOf } from '../telemetry/request-log.ts'
import { AUDITORS, READERS_AND_OWNERS } from './access.ts'
import { problemOf, writeProblem } from './problem.ts'

export interface LedgerTilesParts {
  ledger: Pick<LedgerReader, 'checkpointText' | 'tileBytes' | 'entryBundle'>
  authenticator: AdminAuthenticator
  log: Log
  metrics?: Pick<Metrics, 'authenticationFailed'>
}

/** What a tile says never changes, however wide it was when it was asked for. `private`: it was read with a token. */
const FOR_EVER = 'private, max-age=31536000, immutable'

/**
 * The log in the static layout of C2SP tlog-tiles: `checkpoint`, `tile/<L>/<N>[.p/<W>]` and
 * `tile/entries/<N>[.p/<W>]`. Mount it at /ledger, behind `requestLog`.
 *
 * Who may read what is as in /api/v1: the entries are for admins and auditors, the rest for operators and owners of
 * apps, too (see ledger.ts for why). What holds hashes only needs a token all the same: whoever watches the size of
 * the log grow learns how many people leave, and when.
 */
export function createLedgerTilesRouter({
  ledger,
  authenticator,
  log,
  metrics,
}: LedgerTilesParts): Router {
  const router = Router({ caseSensitive: true, strict: true })
  router.use((request, response, next) => {
    requestIdOf(response)
    response.setHeader('Cache-Control', 'no-store')
    response.setHeader('X-Content-Type-Options', 'nosniff')
    authenticator.authenticate(request.headers.authorization, request.ip).then(
      ({ role }) => {
        response.locals['role'] = role
        next(isOneOf(READERS_AND_OWNERS, role) ? undefined : forbidden())
      },
      (error: unknown) => {
        if (isHubError(error, 'ERR_UNAUTHENTICATED')) metrics?.authenticationFailed('api')
        next(error)
      },
    )
  })
  router.use((request, response, next) => {
    if (request.method === 'GET' || request.method === 'HEAD') {
      next()
      return
    }
    response.setHeader('Allow', 'GET, HEAD')
    throw new HubError('ERR_METHOD_NOT_ALLOWED', 'the log is read here, and nothing else')
  })

  router.get('/checkpoint', async (_request, response) => {
    const note = await ledger.checkpointText()
    if (note === null) throw missing()
    response.setHeader('Content-Type', 'text/plain; charset=utf-8')
    response.end(note)
  })

  const serveTile = async (request: Request, response: Response): Promise<void> => {
    const id = parseTilePath(request.path.slice(1))
    if (id === undefined) throw missing()
    if (id.kind === 'entries' && !isOneOf(AUDITORS, response.locals['role'] as Role)) {
      throw forbidden()
    }
    const bytes =
      id.kind === 'entries'
        ? await ledger.entryBundle(id.index, id.width)
        : await ledger.tileBytes(id.level, id.index, id.width)
    if (bytes === null) throw missing()
    response.setHeader('Content-Type', 'application/octet-stream')
    response.setHeader('Cache-Control', FOR_EVER)
    response.end(bytes)
  }
  router.get('/tile/{*path}', serveTile)
  router.use(() => {
    throw missing()
  })
  router.use(errorWriter(log))
  return router
}

const isOneOf = (roles: readonly Role[], role: Role): boolean => roles.includes(role)
const missing = (): HubError => new HubError('ERR_NOT_FOUND', 'the published log has no such part')
const forbidden = (): HubError =>
  new HubError('ERR_FORBIDDEN', 'your token does not allow this operation')

function errorWriter(log: Log): ErrorRequestHandler {
  // Four parameters make it an error handler.
  return (thrown: unknown, _request, response, next) => {
    if (response.headersSent) {
      next(thrown)
      return
    }
    const error = thrown instanceof URIError ? missing() : thrown
    const problem = problemOf(error, requestIdOf(response))
    if (problem.status >= 500) {
      log.error({ err: error, requestId: problem.requestId }, 'reading the log failed')
    }
    response.setHeader('Cache-Control', 'no-store')
    writeProblem(response, problem, error)
  }
}
