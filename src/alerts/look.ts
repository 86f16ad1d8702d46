import type { Revocation } from '../revocation/types.ts'
import type { Clock } from '../shared/clock.ts'
import type { Finding } from './alert.ts'
import { FEED_RULES, type Feed, feedFindings } from './feed-findings.ts'
import { REVOCATION_RULES, revocationFindings } from './revocation-findings.ts'
import type { RuleName } from './rules.ts'

/** Everything that some rules find now. What was found before and is not found any more is over. */
export interface Look {
  rules: readonly RuleName[]
  findings(): AsyncIterable<Finding>
}

const PAGE = 200

/** @param openRevocations all of them, page by page */
export function revocationLook(
  openRevocations: (paging: {
    limit: number
    cursor?: string
  }) => Promise<{ items: Revocation[]; next?: string }>,
  clock: Clock,
): Look {
  return {
    rules: REVOCATION_RULES,
    async *findings() {
      let cursor: string | undefined
      do {
        const page = await openRevocations({
          limit: PAGE,
          ...(cursor === undefined ? {} : { cursor }),
        })
        for (const revocation of page.items) yield* revocationFindings(revocation, clock.now())
        cursor = page.next
      } while (cursor !== undefined)
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
