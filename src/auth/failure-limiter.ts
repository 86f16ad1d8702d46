import type { Clock } from '../shared/clock.ts'
import { MINUTE } from '../shared/clock.ts'

/** Counts failed attempts by key over a minute. Memory only: it protects the database, not the 256-bit tokens. */
export interface FailureLimiter {
  /** Seconds until the key may try again; undefined when it may try now. */
  blockedFor(key: string): number | undefined
  failed(key: string): void
}

/**
 * @param limit failures a minute from which a key is blocked
 * @param maxKeys bound of memory; when it is reached the oldest windows go first
 */
export function createFailureLimiter(clock: Clock, limit = 30, maxKeys = 10_000): FailureLimiter {
  const windows = new Map<string, { count: number; endsAt: number }>()
  return {
    blockedFor: (key) => {
      const window = windows.get(key)
      const left = (window?.endsAt ?? 0) - clock.now()
      return window !== undefined && window.count >= limit && left > 0
        ? Math.ceil(left / 1_000)
        : undefined
    },
    failed: (key) => {
      const now = clock.now()
      const window = windows.get(key)
      if (window !== undefined && window.endsAt > now) {
        window.count += 1
        return
      }
      windows.delete(key)
      windows.set(key, { count: 1, endsAt: now + MINUTE })
      if (windows.size > maxKeys) {
        const oldest = windows.keys().next().value
        if (oldest !== undefined) windows.delete(oldest)
      }
    },
  }
}
