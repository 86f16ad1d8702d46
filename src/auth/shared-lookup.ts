import { type Clock, type Instant, SECOND } from '../shared/clock.ts'
import type { SourceRecord } from './source-authenticator.ts'
import type { SourceStore } from './source-store.ts'

/** Looks a source up at most once a second, however many ask: for callers that fail too often. */
export interface SharedLookup {
  source(id: string): Promise<SourceRecord | null>
  forget(id: string): void
}

const KEPT_MS = SECOND
const MAX_KEPT = 10_000

export function createSharedLookup(
  sources: Pick<SourceStore, 'source'>,
  clock: Clock,
): SharedLookup {
  const kept = new Map<string, { until: Instant; source: Promise<SourceRecord | null> }>()
  return {
    source: (id) => {
      const recent = kept.get(id)
      if (recent !== undefined && recent.until > clock.now()) return recent.source
      const fresh = { until: clock.now() + KEPT_MS, source: sources.source(id) }
      kept.delete(id)
      kept.set(id, fresh)
      const oldest = kept.size > MAX_KEPT ? kept.keys().next().value : undefined
      if (oldest !== undefined) kept.delete(oldest)
      return fresh.source
    },
    forget: (id) => {
      kept.delete(id)
    },
  }
}
