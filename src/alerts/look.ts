import type { Revocation } from '../revocation/types.ts'
import type { Clock } from '../shared/clock.ts'
import type { Finding } from './alert.ts'
import { FEED_RULES, type Feed, feedFindings } from './feed-findings.ts'
import { REVOCATION_RULES, revocationFindings } from './revocation-findings.ts'
import type { RuleName } from './rules.ts'

/** Everything that some rules find now. What was found before and is not found any more is over. */
export interface Look {
  rules: readonly RuleName[]
  /** @param unresolved ids of the alerts of these rules that are not resolved; absent: look for yourself */
  findings(unresolved?: ReadonlySet<string>): AsyncIterable<Finding>
}

const PAGE = 200

/** What is found in pages, one by one. */
export async function* inPages<T>(
  page: (paging: { limit: number; cursor?: string }) => Promise<{ items: T[]; next?: string }>,
): AsyncIterable<T> {
  let cursor: string | undefined
  do {
    const { items, next } = await page({
      limit: PAGE,
      ...(cursor === undefined ? {} : { cursor }),
    })
    yield* items
    cursor = next
  } while (cursor !== undefined)
}

/** Only what waits for a person or was contradicted is read: of all that is open, the smallest part. */
export function revocationLook(
  revocations: (
    filter: { open: true; state?: 'human'; grade?: 'F' },
    paging: { limit: number; cursor?: string },
  ) => Promise<{ items: Revocation[]; next?: string }>,
): Look {
  return {
    rules: REVOCATION_RULES,
    async *findings() {
      for (const filter of [{ grade: 'F' }, { state: 'human' }] as const) {
        const found = inPages((paging) => revocations({ open: true, ...filter }, paging))
        for await (const revocation of found) {
          // What was contradicted waits for a person, too: it is found once.
          const isAgain = 'state' in filter && revocation.verdict?.kind === 'contradicted'
          if (!isAgain) yield* revocationFindings(revocation)
        }
      }
    },
  }
}

/** @param feeds all sources */
export function feedLook(feeds: () => Promise<readonly Feed[]>, clock: Clock): Look {
  return {
    rules: FEED_RULES,
    async *findings() {
      for (const feed of await feeds()) yield* feedFindings(feed, clock.now())
    },
  }
}
