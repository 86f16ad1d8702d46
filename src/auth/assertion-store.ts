import type { Instant } from '../shared/clock.ts'

/** Remembers assertions that were used, across all processes. */
export interface AssertionStore {
  /**
   * @param name unique within the hub
   * @param until when it may be forgotten
   * @returns false when it was used before
   * @throws HubError ERR_STORAGE_UNAVAILABLE
   */
  use(name: string, until: Instant): Promise<boolean>
}
