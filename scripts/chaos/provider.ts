import { setTimeout as sleep } from 'node:timers/promises'
import { userNameOf } from './people.ts'

/** What the identity provider was promised: from here on it is the hub's duty. */
export interface Acknowledged {
  person: number
  active: boolean
  sentAt: number
  at: number
  /** Requests before the answered one that nobody answered: each may still be carried out, late. */
  unanswered: number
}

/** What became of one person, as the provider knows it. */
export interface PersonStory {
  person: number
  userId: string
  /** `simple`: one departure. `races`: opposite requests at the same time. */
  kind: StoryKind
  /** In the order of the answers. */
  acknowledged: Acknowledged[]
}

export const STORY_KINDS = ['simple', 'repeated', 'returned', 'left-again', 'races'] as const
export type StoryKind = (typeof STORY_KINDS)[number]

/** Most people leave once. @param dice 0 ≤ n < 1 */
const drawKind = (dice: number): StoryKind =>
  dice < 0.6 ? 'simple' : (STORY_KINDS[1 + Math.floor((dice - 0.6) * 10)] ?? 'races')

/** An identity provider that does what Okta and Entra do: it repeats what was not answered, for ever. */
export interface Provider {
  /** Plays one person's story to its end. */
  play(person: number): Promise<PersonStory>
  counts: {
    requests: number
    unanswered: number
    refused: number
    slowestMs: number
    over10s: number
  }
}

/** An IdP gives up waiting for an answer after this. */
const TIMEOUT_MS = 12_000
const AVOID_MS = 4_000

export function createProvider(options: {
  /** Origins of the hub's web processes. */
  origins: readonly string[]
  sourceId: string
  token: string
  random: () => number
  /** Default: a mixture. */
  kind?: StoryKind
  /** A person's story ends when this is aborted. */
  signal: AbortSignal
}): Provider {
  const { random, signal } = options
  const counts = {
    ...{ requests: 0, unanswered: 0, refused: 0 },
    ...{ slowestMs: 0, over10s: 0, longestGapMs: 0 },
  }
  let answeredAt = Date.now()
  /** As a load balancer does it: who did not answer gets nothing for a while. */
  const avoided = new Map<string, number>()
  const originNow = (): string => {
    const well = options.origins.filter((origin) => (avoided.get(origin) ?? 0) < Date.now())
    const from = well.length > 0 ? well : options.origins
    return from[Math.floor(random() * from.length)] ?? ''
  }

  const once = async (
    method: string,
    path: string,
    body?: object,
  ): Promise<{ status: number; body: Record<string, unknown> } | undefined> => {
    const origin = originNow()
    counts.requests += 1
    const began = Date.now()
    try {
      const answer = await fetch(`${origin}/scim/${options.sourceId}/v2${path}`, {
        method,
        headers: {
          authorization: `Bearer ${options.token}`,
          'content-type': 'application/scim+json',
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      })
      const text = await answer.text()
      const ms = Date.now() - began
      counts.slowestMs = Math.max(counts.slowestMs, ms)
      if (ms > 10_000) counts.over10s += 1
      if (answer.status >= 500 || answer.status === 429) {
        counts.refused += 1
        return undefined
      }
      counts.longestGapMs = Math.max(counts.longestGapMs, Date.now() - answeredAt)
      answeredAt = Date.now()
      return { status: answer.status, body: text === '' ? {} : JSON.parse(text) }
    } catch {
      counts.unanswered += 1
      avoided.set(origin, Date.now() + AVOID_MS)
      return undefined
    }
  }

  /** @returns the answer, and how many requests before it stayed without one */
  const insist = async (method: string, path: string, body?: object) => {
    for (let unanswered = 0; ; unanswered += 1) {
      signal.throwIfAborted()
      const sentAt = Date.now()
      const answer = await once(method, path, body)
      if (answer !== undefined) return { ...answer, unanswered, sentAt }
      await sleep(200 + random() * 600)
    }
  }

  const hire = async (person: number): Promise<string> => {
    const userName = userNameOf(person)
    const created = await insist('POST', '/Users', {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
      userName,
      active: true,
    })
    if (created.status === 201) return String(created.body['id'])
    // An attempt that was not answered has created them.
    const filter = encodeURIComponent(`userName eq "${userName}"`)
    const found = await insist('GET', `/Users?filter=${filter}`)
    const [first] = (found.body['Resources'] ?? []) as { id?: string }[]
    if (first?.id !== undefined) return first.id
    throw new Error(`${userName}: POST ${created.status}, and a search finds nobody`)
  }

  const play = async (person: number): Promise<PersonStory> => {
    const kind = options.kind ?? drawKind(random())
    const userId = await hire(person)
    const acknowledged: Acknowledged[] = []
    const say = async (active: boolean): Promise<void> => {
      const answer = await insist('PATCH', `/Users/${userId}`, {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
        Operations: [{ op: 'replace', path: 'active', value: active }],
      })
      const { status, unanswered, sentAt } = answer
      // 409: two changes at once; the provider says it again.
      if (status === 409) return say(active)
      if (status !== 200 && status !== 204) {
        throw new Error(`PATCH active=${active}: ${status} ${JSON.stringify(answer.body)}`)
      }
      acknowledged.push({ person, active, sentAt, at: Date.now(), unanswered })
    }
    switch (kind) {
      case 'simple':
        await say(false)
        break
      case 'repeated':
        await Promise.all([say(false), say(false), say(false)])
        break
      case 'returned':
        await say(false)
        await sleep(random() * 1_500)
        await say(true)
        break
      case 'left-again':
        await say(false)
        await sleep(random() * 300)
        await say(true)
        await sleep(random() * 300)
        await say(false)
        break
      case 'races':
        await Promise.all([say(false), say(true), say(false)])
        await sleep(random() * 50)
        await say(false)
    }
    return { person, userId, kind, acknowledged }
  }

  return { play, counts }
}
