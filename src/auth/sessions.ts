import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import { type Clock, HOUR, type Instant } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { newId } from '../shared/ids.ts'
import type { Transaction } from '../shared/transaction.ts'
import type { Principal } from './principal.ts'
import type { SessionRecord, SessionStore } from './session-store.ts'
import type { StandingPort } from './standing.ts'
import { hashToken } from './tokens.ts'

/** What a browser sends with a request. */
export interface BrowserRequest {
  method: string
  cookie: string | undefined
  /** The header X-CSRF-Token. */
  csrf: string | undefined
  /** The header Origin. */
  origin: string | undefined
}

/** Who is signed in, and what their pages need. */
export interface OpenSession {
  principal: Principal
  /** Send it as X-CSRF-Token with everything that changes something. */
  csrfToken: string
  expiresAt: Instant
}

export interface Sessions {
  /** Name of the cookie. With https it has the prefix that ties it to this host. */
  readonly cookieName: string
  /** @returns the value of the cookie, and the record to be told about */
  open(
    who: Pick<SessionRecord, 'role' | 'ownerName' | 'person' | 'linked'>,
    tx: Transaction,
  ): Promise<{ cookie: string; session: SessionRecord }>
  /**
   * @returns undefined when the request carries no session cookie
   * @throws HubError ERR_UNAUTHENTICATED for a cookie that is forged, over, or of somebody who has left
   * @throws HubError ERR_FORBIDDEN for a change without the CSRF token, or from another origin
   */
  authenticate(request: BrowserRequest): Promise<OpenSession | undefined>
}

/** A working day. The provider is asked again after that. */
const SESSION_MS = 8 * HOUR

/** @param parts.publicUrl decides whether cookies are for https alone */
export function createSessions(parts: {
  store: SessionStore
  masterKey: Buffer
  standing: StandingPort
  publicUrl: string
  clock: Clock
}): Sessions {
  const { store, clock, standing } = parts
  const key = Buffer.from(hkdfSync('sha256', parts.masterKey, '', 'quittance admin sessions', 32))
  const mac = (text: string): string => createHmac('sha256', key).update(text).digest('base64url')
  const { origin, protocol } = new URL(parts.publicUrl)
  const cookieName = protocol === 'https:' ? '__Host-quittance' : 'quittance'

  return {
    cookieName,
    open: async (who, tx) => {
      const secret = randomBytes(32).toString('base64url')
      const now = clock.now()
      const session: SessionRecord = {
        id: newId(),
        hash: hashToken(secret),
        ...who,
        createdAt: now,
        expiresAt: now + SESSION_MS,
      }
      await store.insert(session, tx)
      return { cookie: `${secret}.${mac(secret)}`, session }
    },

    authenticate: async ({ method, cookie, csrf, origin: from }) => {
      const value = cookieOf(cookie, cookieName)
      if (value === undefined) return undefined
      const [secret = '', signature = ''] = value.split('.')
      // A forged cookie costs no look-up.
      if (!same(signature, mac(secret))) throw over()
      const session = await store.byHash(hashToken(secret))
      if (session === null || session.expiresAt <= clock.now()) throw over()
      const { kind } = await standing.standingOf(session.person, session.linked)
      if (kind === 'gone' || (kind === 'unknown' && session.linked !== undefined)) throw over()
      const csrfToken = mac(`csrf:${session.id}`)
      if (method !== 'GET' && method !== 'HEAD') {
        if (from !== undefined && from !== origin) {
          throw new HubError('ERR_FORBIDDEN', 'this request comes from another site')
        }
        if (!same(csrf ?? '', csrfToken)) {
          throw new HubError('ERR_FORBIDDEN', 'send the token of /auth/session as X-CSRF-Token')
        }
      }
      return { principal: principalOf(session), csrfToken, expiresAt: session.expiresAt }
    },
  }
}

function principalOf({ id, role, ownerName, person, linked }: SessionRecord): Principal {
  return {
    id,
    role,
    person,
    ...(ownerName === undefined ? {} : { ownerName }),
    ...(linked === undefined ? {} : { linked }),
  }
}

/** @see RFC 6265 §5.4 */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const pair of (header ?? '').split(';')) {
    const at = pair.indexOf('=')
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim()
  }
  return undefined
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

const over = (): HubError =>
  new HubError('ERR_UNAUTHENTICATED', 'sign in, or send a valid API token')
