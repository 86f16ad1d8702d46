import { type Request, type Response, Router } from 'express'
import type { LoginAttempt, OidcClient } from '../auth/oidc.ts'
import type { SessionStore } from '../auth/session-store.ts'
import { cookieOf, type Sessions } from '../auth/sessions.ts'
import type { StandingPort } from '../auth/standing.ts'
import { iso, MINUTE } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import type { Transactor } from '../shared/transaction.ts'
import type { Log } from '../telemetry/log.ts'
import { requestIdOf } from '../telemetry/request-log.ts'
import type { Vault } from '../vault/vault.ts'
import type { ActRecorder } from './acts.ts'
import { problemOf, writeProblem } from './problem.ts'

export interface SignInParts {
  /** Undefined: nobody signs in here, tokens are all there is. */
  oidc: OidcClient | undefined
  sessions: Sessions
  store: Pick<SessionStore, 'remove'>
  standing: StandingPort
  /** Is a source configured in whose directory the hub's own users are? */
  mustBeKnown: boolean
  acts: ActRecorder
  transactor: Transactor
  /** Seals what has to come back with the browser. */
  vault: Pick<Vault, 'seal' | 'open'>
  publicUrl: string
  log: Log
}

const ATTEMPT_COOKIE = 'quittance_login'
const ATTEMPT_MS = 10 * MINUTE

/**
 * /auth: `login` sends the browser to the provider, `callback` takes it back and opens a session, `session` says who
 * it is and gives the CSRF token, `logout` ends the session here.
 */
export function createSignInRouter(parts: SignInParts): Router {
  const { sessions, vault, publicUrl } = parts
  const secure = publicUrl.startsWith('https:')
  const cookie = (name: string, value: string, maxAgeMs: number, path: string): string =>
    [
      `${name}=${value}`,
      `Path=${path}`,
      `Max-Age=${Math.floor(maxAgeMs / 1_000)}`,
      'HttpOnly',
      'SameSite=Lax',
      ...(secure ? ['Secure'] : []),
    ].join('; ')
  const provider = (): OidcClient => {
    if (parts.oidc === undefined) {
      throw new HubError('ERR_NOT_FOUND', 'no identity provider is configured; use an API token')
    }
    return parts.oidc
  }

  const login = async (request: Request, response: Response): Promise<void> => {
    const { url, attempt } = await provider().begin(localPath(request.query['returnTo']))
    const { wrapped, sealed } = vault.seal(Buffer.from(JSON.stringify(attempt)), ATTEMPT_COOKIE)
    const value = `${wrapped.toString('base64url')}.${sealed.toString('base64url')}`
    response.setHeader('Set-Cookie', cookie(ATTEMPT_COOKIE, value, ATTEMPT_MS, '/auth'))
    response.redirect(302, url.href)
  }

  const attemptOf = (request: Request): LoginAttempt => {
    const value = cookieOf(request.headers.cookie, ATTEMPT_COOKIE)
    const [wrapped = '', sealed = ''] = (value ?? '').split('.')
    try {
      const box = { wrapped: fromBase64(wrapped), sealed: fromBase64(sealed) }
      return JSON.parse(vault.open(box, ATTEMPT_COOKIE).toString('utf8')) as LoginAttempt
    } catch (error) {
      throw new HubError('ERR_UNAUTHENTICATED', 'signing in took too long; begin again', {
        cause: error,
      })
    }
  }

  const callback = async (request: Request, response: Response): Promise<void> => {
    const attempt = attemptOf(request)
    const who = await provider().finish(new URL(request.originalUrl, publicUrl), attempt)
    const standing = await parts.standing.standingOf(who.person, undefined)
    if (standing.kind === 'gone' || (standing.kind === 'unknown' && parts.mustBeKnown)) {
      throw new HubError('ERR_FORBIDDEN', 'the directory says that you do not work here')
    }
    const linked = standing.kind === 'active' ? { linked: standing.linked } : {}
    const opened = await parts.transactor.transaction(async (tx) => {
      const made = await sessions.open({ ...who, ...linked }, tx)
      const { id, role, person } = made.session
      await parts.acts.record(
        { principal: { id, role, person }, requestId: requestIdOf(response) },
        { entry: { type: 'admin.acted', kind: 'session.open' } },
        tx,
      )
      return made
    })
    const { createdAt, expiresAt } = opened.session
    response.setHeader('Set-Cookie', [
      cookie(sessions.cookieName, opened.cookie, expiresAt - createdAt, '/'),
      cookie(ATTEMPT_COOKIE, '', 0, '/auth'),
    ])
    response.redirect(303, attempt.returnTo)
  }

  const authenticated = async (request: Request) => {
    const session = await sessions.authenticate({
      method: request.method,
      cookie: request.headers.cookie,
      csrf: request.get('x-csrf-token'),
      origin: request.headers.origin,
    })
    if (session === undefined) throw new HubError('ERR_UNAUTHENTICATED', 'nobody is signed in')
    return session
  }

  const session = async (request: Request, response: Response): Promise<void> => {
    const { principal, csrfToken, expiresAt } = await authenticated(request)
    const { person, role } = principal
    response.json({ person, role, csrfToken, expiresAt: iso(expiresAt) })
  }

  const logout = async (request: Request, response: Response): Promise<void> => {
    const { principal } = await authenticated(request)
    await parts.transactor.transaction(async (tx) => {
      await parts.store.remove(principal.id, tx)
      await parts.acts.record(
        { principal, requestId: requestIdOf(response) },
        { entry: { type: 'admin.acted', kind: 'session.close' } },
        tx,
      )
    })
    response.setHeader('Set-Cookie', cookie(sessions.cookieName, '', 0, '/'))
    response.status(204).end()
  }

  const router = Router({ caseSensitive: true })
  const handled =
    (handle: (request: Request, response: Response) => Promise<void>) =>
    (request: Request, response: Response): void => {
      response.setHeader('Cache-Control', 'no-store')
      handle(request, response).catch((error: unknown) => {
        const problem = problemOf(error, requestIdOf(response))
        if (problem.status >= 500) {
          parts.log.error({ err: error, requestId: problem.requestId }, 'signing in failed')
        }
        writeProblem(response, problem, error)
      })
    }
  router.get('/login', handled(login))
  router.get('/callback', handled(callback))
  router.get('/session', handled(session))
  router.post('/logout', handled(logout))
  return router
}

/** Where to go after signing in: a path here, never another site. */
function localPath(asked: unknown): string {
  return typeof asked === 'string' && /^\/(?![/\\])[^\s\\]{0,500}$/.test(asked) ? asked : '/'
}

const fromBase64 = (text: string): Buffer => Buffer.from(text, 'base64url')
