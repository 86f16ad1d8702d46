/** What the directory says about one of the hub's own users. */
export type Standing =
  | { kind: 'active'; linked: { sourceId: string; userId: string } }
  /** Deactivated or deleted: everything that they hold ends now. */
  | { kind: 'gone' }
  /** The directory has never heard of them. */
  | { kind: 'unknown' }

/** The hub's own users are subjects too: who has left may not act here either. */
export interface StandingPort {
  /**
   * @param person as in `Principal`
   * @param linked the directory user that they were when they signed in
   * @throws HubError ERR_STORAGE_UNAVAILABLE when it could not look: then nobody is let in
   */
  standingOf(
    person: string,
    linked: { sourceId: string; userId: string } | undefined,
  ): Promise<Standing>
}

/** Without a configured source nobody is known, and tokens last as long as they say. */
export const NO_DIRECTORY: StandingPort = { standingOf: async () => ({ kind: 'unknown' }) }
