import { z } from 'zod'
import type { ChangeEvent, EventSource } from '../auth/event-source.ts'
import type { Principal } from '../auth/principal.ts'
import type { AppRecord } from '../revocation/types.ts'
import { HubError, isHubError } from '../shared/errors.ts'
import { EVERYBODY, mayRead, READERS } from './access.ts'
import { defineRoute, type Route } from './route.ts'

export interface EventsParts {
  events: EventSource
  apps: { all(): Promise<AppRecord[]> }
}

/** Each listener costs a cursor at the database. */
const MOST_LISTENERS = 100
/** Proxies close what is silent for a minute. */
const KEEP_ALIVE_MS = 15_000
/** A browser that lost the connection comes back after this. */
const RETRY_MS = 2_000

/** What changes, as server-sent events. An event says what has changed, not how it is now. */
export function eventRoutes({ events, apps }: EventsParts): Route[] {
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
      handle: async ({ query: { kind }, principal, headers, signal }) => {
        if (signal.aborted) return { status: 200, stream: nothing() }
        if (listening.size >= MOST_LISTENERS) {
          throw new HubError('ERR_RATE_LIMITED', 'too many listeners; poll for a while', {
            retryAfterSeconds: 30,
          })
        }
        const last = headers['last-event-id']
        const source = events.events(
          typeof last === 'string' && last !== '' ? last : undefined,
          signal,
        )
        const seen = filtered(
          source,
          async (event) =>
            (kind === undefined || event.kind === kind) && (await mayHear(principal, event, apps)),
        )
        const leave = (): void => {
          listening.delete(signal)
        }
        listening.add(signal)
        signal.addEventListener('abort', leave, { once: true })
        return {
          status: 200,
          headers: { 'X-Accel-Buffering': 'no' },
          stream: finallyDo(texts(seen, signal), leave),
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

async function* filtered(
  source: AsyncIterable<ChangeEvent>,
  isWanted: (event: ChangeEvent) => Promise<boolean>,
): AsyncIterable<ChangeEvent> {
  for await (const event of source) if (await isWanted(event)) yield event
}

/** Events and, while there are none, comments that keep the connection open. */
async function* texts(
  source: AsyncIterable<ChangeEvent>,
  signal: AbortSignal,
): AsyncIterable<string> {
  yield `retry: ${RETRY_MS}\n\n`
  const iterator = source[Symbol.asyncIterator]()
  let next = iterator.next()
  try {
    while (!signal.aborted) {
      const event = await orAfter(KEEP_ALIVE_MS, next)
      if (event === undefined) {
        yield ': still here\n\n'
        continue
      }
      if (event.done === true) return
      const { cursor, kind, id, change } = event.value
      yield `id: ${cursor}\nevent: ${kind}\ndata: ${JSON.stringify({ id, change })}\n\n`
      next = iterator.next()
    }
  } catch (error) {
    // Without this a browser would ask for the same place for ever.
    if (!isHubError(error, 'ERR_INVALID_CURSOR')) throw error
    yield 'event: lost\ndata: {}\n\n'
  } finally {
    await iterator.return?.()
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

async function orAfter<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  try {
    return await Promise.race([
      work,
      new Promise<undefined>((resolve) => {
        timer = setTimeout(() => resolve(undefined), ms)
      }),
    ])
  } finally {
    clearTimeout(timer)
  }
}
