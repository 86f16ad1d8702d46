import { z } from 'zod'
import type { ChangeEvent, EventSource } from '../auth/event-source.ts'
import type { Principal } from '../auth/principal.ts'
import type { AppRecord } from '../revocation/types.ts'
import { type Clock, SECOND } from '../shared/clock.ts'
import { HubError, isHubError } from '../shared/errors.ts'
import { EVERYBODY, mayRead, READERS } from './access.ts'
import { eventStream } from './event-stream.ts'
import { defineRoute, type Route } from './route.ts'

export interface EventsParts {
  events: EventSource
  apps: { all(): Promise<AppRecord[]> }
  clock: Clock
  /** Tests shorten it. */
  keepAliveMs?: number
}

/** Each listener costs a cursor at the database. */
const MOST_LISTENERS = 100
/** Proxies close what is silent for a minute. */
const KEEP_ALIVE_MS = 15_000
/** For so long a listener is taken for who they were: a burst of events is no burst of look-ups. */
const KNOWN_MS = SECOND

/**
 * What changes, as server-sent events. An event says what has changed, not how it is now. A stream ends soon after
 * the token or session that opened it: it is looked at again before anything is said.
 */
export function eventRoutes({
  events,
  apps,
  clock,
  keepAliveMs = KEEP_ALIVE_MS,
}: EventsParts): Route[] {
  /** By the signal of each: whoever is gone is counted no more, however they went. */
  const listening = new Set<AbortSignal>()
  return [
    defineRoute({
      method: 'GET',
      path: '/events',
      summary: 'Server-sent events: what changes, as it changes. Last-Event-ID goes on from there',
      allow: EVERYBODY,
      query: z.strictObject({
        kind: z
          .enum(['app', 'alert', 'approval', 'offboarding', 'revocation', 'source'])
          .optional(),
      }),
      answers: {
        200: {
          description:
            '`event` is the kind, `data` is `{"id", "change"}`; `lost`: begin again without Last-Event-ID',
          mediaType: 'text/event-stream',
        },
      },
      handle: async ({ query: { kind }, principal, headers, signal, authenticateAgain }) => {
        if (signal.aborted) return { status: 200, stream: nothing() }
        if (listening.size >= MOST_LISTENERS) {
          throw new HubError('ERR_RATE_LIMITED', 'too many listeners; poll for a while', {
            retryAfterSeconds: 30,
          })
        }
        const last = headers['last-event-id']
        const cursor = typeof last === 'string' && last !== '' ? last : undefined
        const stream = eventStream(
          {
            begin: (until) => events.events(cursor, until),
            isWanted: async (event) =>
              (kind === undefined || event.kind === kind) &&
              (await mayHear(principal, event, apps)),
            mayStay: stillTheSame(principal, authenticateAgain, clock),
            keepAliveMs,
          },
          signal,
        )
        const leave = (): void => {
          listening.delete(signal)
        }
        listening.add(signal)
        signal.addEventListener('abort', leave, { once: true })
        return {
          status: 200,
          headers: { 'X-Accel-Buffering': 'no' },
          stream: finallyDo(stream, leave),
        }
      },
    }),
  ]
}

/** An owner hears of their own apps; a viewer of nothing that they could not read. */
async function mayHear(
  principal: Principal,
  { kind, appId }: ChangeEvent,
  apps: EventsParts['apps'],
): Promise<boolean> {
  if (principal.role === 'owner') {
    if (kind !== 'app' && kind !== 'revocation') return false
    return mayRead(principal, (await apps.all()).find(({ id }) => id === appId) ?? null)
  }
  const readers: readonly string[] = READERS
  return readers.includes(principal.role) || !['approval', 'offboarding', 'source'].includes(kind)
}

/** Is the caller still let in, with the same rights? Looked up at most once in `KNOWN_MS`. */
function stillTheSame(
  { role, ownerName }: Principal,
  authenticateAgain: () => Promise<Principal>,
  clock: Clock,
): () => Promise<boolean> {
  let lookedAt = clock.now()
  return async () => {
    const now = clock.now()
    // Before the last look: the clock was set back, and its distance says nothing.
    if (now >= lookedAt && now - lookedAt < KNOWN_MS) return true
    try {
      const found = await authenticateAgain()
      lookedAt = now
      return found.role === role && found.ownerName === ownerName
    } catch (error) {
      if (isHubError(error, 'ERR_UNAUTHENTICATED')) return false
      throw error
    }
  }
}

/** For who is gone before the first event. */
async function* nothing(): AsyncIterable<string> {}

/** The same pieces, and then this, however they end. It is not done for a stream that nobody begins to read. */
async function* finallyDo(pieces: AsyncIterable<string>, then: () => void): AsyncIterable<string> {
  try {
    yield* pieces
  } finally {
    then()
  }
}
