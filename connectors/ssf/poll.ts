import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import type { CallContext, Mailbox, Visit, VisitAnswer } from '#connector-sdk'
import type { SsfConfig } from './config.ts'
import type { StreamSettings } from './stream-settings.ts'

/** RFC 8936 §2.4 */
const pollRequest = z.object({
  maxEvents: z.int().min(0).optional(),
  returnImmediately: z.boolean().default(false),
  ack: z.array(z.string()).max(1_000).default([]),
  setErrs: z
    .record(z.string(), z.object({ err: z.string().max(100).default('unknown') }))
    .default({}),
})

/** Most events in one answer. */
const MOST = 100
/** A long poll ends after this, so that nothing between receiver and hub cuts it off, in ms. */
const LONGEST_MS = 20_000
/** How often a long poll looks, in ms. */
const LOOK_MS = 500
/** Long polls of one receiver that may wait at once in one process; more are answered at once. */
const MOST_WAITING = 4
const WAITING = 'ssf.polls'

/**
 * Hands out what waits, oldest first, and takes what the receiver says about earlier events. An event stays until it is
 * acknowledged or refused by `jti`; what was handed out and not acknowledged is handed out again.
 *
 * @see RFC 8936 §2
 */
export async function poll(
  visit: Visit,
  call: CallContext<SsfConfig>,
  mailbox: Mailbox,
  settings: StreamSettings,
): Promise<VisitAnswer> {
  const request = pollRequest.safeParse(bodyOf(visit))
  if (!request.success) {
    return answer(400, { err: 'invalid_request', description: 'not a request of RFC 8936' })
  }
  const { maxEvents = MOST, returnImmediately, ack, setErrs } = request.data
  const refused = Object.entries(setErrs).map(([id, { err }]) => ({ id, error: err }))
  await mailbox.settle([...ack.map((id) => ({ id })), ...refused])
  const limit = Math.min(maxEvents, MOST)
  // SSF 1.0 §8.1.2: a paused stream keeps its events, and gives none.
  // So does an app that its owner has paused.
  if (limit === 0 || settings.status !== 'enabled' || visit.isPaused)
    return answer(200, { sets: {} })
  const look = () => mailbox.waiting(limit + 1)
  const mails = returnImmediately ? await look() : await awaited(look, call)
  const given = mails.slice(0, limit)
  return answer(200, {
    sets: Object.fromEntries(given.map(({ id, body }) => [id, body])),
    ...(mails.length > limit ? { moreAvailable: true } : {}),
  })
}

async function awaited<T>(
  look: () => Promise<readonly T[]>,
  { memory, signal }: CallContext<SsfConfig>,
): Promise<readonly T[]> {
  const waiting = Number(memory?.get(WAITING) ?? 0)
  if (waiting >= MOST_WAITING) return look()
  memory?.set(WAITING, waiting + 1)
  try {
    for (let round = 0; ; round += 1) {
      const found = await look()
      if (found.length > 0 || round * LOOK_MS >= LONGEST_MS || signal.aborted) return found
      // Who hung up needs no answer: the next look is the last.
      await wait(LOOK_MS, undefined, { signal }).catch(() => undefined)
    }
  } finally {
    memory?.set(WAITING, Number(memory.get(WAITING)) - 1)
  }
}

/** An empty body is an empty request. @returns undefined when it is no JSON */
function bodyOf({ body }: Visit): unknown {
  try {
    return body.trim() === '' ? {} : JSON.parse(body)
  } catch {
    // The caller answers 400.
    return undefined
  }
}

function answer(status: number, body: object): VisitAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}
