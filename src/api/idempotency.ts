import { createHash } from 'node:crypto'
import type { Request, Response } from 'express'
import type { IdempotencyStore, KnownRequest } from '../auth/idempotency-store.ts'
import type { Principal } from '../auth/principal.ts'
import type { Clock } from '../shared/clock.ts'
import { HubError, isHubError } from '../shared/errors.ts'
import { newId } from '../shared/ids.ts'
import type { Vault } from '../vault/vault.ts'
import type { Answer, Route } from './route.ts'
import { invalid } from './validate.ts'

/** One try of a request that came with an Idempotency-Key. */
export interface Attempt {
  store: Pick<IdempotencyStore, 'committed'>
  id: string
  lock: string
  /**
   * Handles the request, or gives the answer of the first time.
   *
   * @param happened is the act committed?
   * @throws HubError ERR_CONFLICT while the first one is under way, or when its answer was lost
   * @throws HubError ERR_INVALID_VALUE when the key came with another request before
   */
  once(handle: () => Promise<Answer>, happened: () => boolean): Promise<Answer>
}

const KEY = /^[\x21-\x7e]{1,255}$/

/** POSTs that may be repeated after a lost answer: the second one does nothing and is answered as the first one. */
export function createIdempotency(parts: {
  idempotency: IdempotencyStore
  vault: Pick<Vault, 'seal' | 'open'>
  clock: Clock
}): {
  /** Undefined for what has no key, or needs none. @throws HubError ERR_INVALID_VALUE for a key that is none */
  attempt(route: Route, request: Request, response: Response): Attempt | undefined
} {
  const { idempotency: store, vault, clock } = parts
  const kept = (answer: Answer, id: string) => {
    const text = JSON.stringify(answer)
    return { hash: sha256(text), ...vault.seal(Buffer.from(text), context(id)) }
  }
  const answerOf = (known: KnownRequest, request: string, id: string): Answer => {
    if (known.request !== request) {
      throw invalid([{ pointer: 'Idempotency-Key', message: 'was sent with another request' }])
    }
    if (known.answer === undefined) throw known.committed ? lost() : underWay()
    const text = vault.open(known.answer, context(id)).toString('utf8')
    if (sha256(text) !== known.answer.hash) throw new Error('a kept answer is not what was kept')
    const answer = JSON.parse(text) as Answer
    return { ...answer, headers: { ...answer.headers, 'Idempotent-Replayed': 'true' } }
  }

  return {
    attempt: (route, { headers, originalUrl, body }, response) => {
      const key = headers['idempotency-key']
      if (key === undefined || route.method !== 'POST' || route.changesNothing) return undefined
      if (typeof key !== 'string' || !KEY.test(key)) {
        throw invalid([
          { pointer: 'Idempotency-Key', message: 'must be 1 to 255 visible characters' },
        ])
      }
      const principal = response.locals['principal'] as Principal
      const id = sha256(`${principal.id}\n${key}`)
      const lock = newId()
      const request = sha256(`${route.method} ${originalUrl}\n${JSON.stringify(body ?? {})}`)
      return {
        store,
        id,
        lock,
        once: async (handle, happened) => {
          const begun = await store.begin({ id, request, lock, now: clock.now() })
          if (begun !== 'begun') return answerOf(begun, request, id)
          let answer: Answer
          try {
            answer = await handle()
          } catch (error) {
            // After anything else it is unknown whether it happened: the key stays taken for a while.
            if (!happened() && isRefusal(error)) await store.abandon(id, lock)
            throw error
          }
          await store.finish(id, lock, kept(answer, id))
          return answer
        },
      }
    },
  }
}

const isRefusal = (error: unknown): boolean =>
  isHubError(error) && !error.code.endsWith('_UNAVAILABLE') && error.code !== 'ERR_INTERNAL'

const underWay = (): HubError =>
  new HubError('ERR_CONFLICT', 'the first request with this Idempotency-Key is under way', {
    retryAfterSeconds: 1,
  })

const lost = (): HubError =>
  new HubError(
    'ERR_CONFLICT',
    'the first request with this Idempotency-Key was carried out, its answer was lost; read the resource',
  )

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

const context = (id: string): string => `idempotency:${id}`
