import type { ChangeEvent } from '../auth/event-source.ts'
import { isHubError } from '../shared/errors.ts'

/** A browser that lost the connection comes back after this. */
const RETRY_MS = 2_000

/** What one listener hears, and for how long. */
export interface Listening {
  /** Begins to watch; ends when the signal does. */
  begin(signal: AbortSignal): AsyncIterable<ChangeEvent>
  isWanted(event: ChangeEvent): Promise<boolean>
  /** Asked before anything is said. When not, the stream ends. */
  mayStay(): Promise<boolean>
  /** Without an event for so long, a comment keeps the connection open. */
  keepAliveMs: number
}

/** Events as the text of server-sent events, until the listener is gone or may not stay. */
export async function* eventStream(
  { begin, isWanted, mayStay, keepAliveMs }: Listening,
  gone: AbortSignal,
): AsyncIterable<string> {
  yield `retry: ${RETRY_MS}\n\n`
  const over = new AbortController()
  const source = filtered(begin(AbortSignal.any([gone, over.signal])), isWanted)
  const iterator = source[Symbol.asyncIterator]()
  let next = iterator.next()
  try {
    while (!gone.aborted) {
      const event = await orAfter(keepAliveMs, next)
      if (event?.done === true || !(await mayStay())) return
      if (event === undefined) {
        yield ': still here\n\n'
        continue
      }
      const { cursor, kind, id, change } = event.value
      yield `id: ${cursor}\nevent: ${kind}\ndata: ${JSON.stringify({ id, change })}\n\n`
      next = iterator.next()
    }
  } catch (error) {
    // Without this a browser would ask for the same place for ever.
    if (!isHubError(error, 'ERR_INVALID_CURSOR')) throw error
    yield 'event: lost\ndata: {}\n\n'
  } finally {
    // A source that waits for its next event does not hear `return` before there is one.
    over.abort()
    await iterator.return?.()
  }
}

async function* filtered(
  source: AsyncIterable<ChangeEvent>,
  isWanted: (event: ChangeEvent) => Promise<boolean>,
): AsyncIterable<ChangeEvent> {
  for await (const event of source) if (await isWanted(event)) yield event
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
