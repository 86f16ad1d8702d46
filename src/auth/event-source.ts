/** Something has changed. Who wants to know how it is now reads it. */
export interface ChangeEvent {
  /** Where the stream stands; opaque. Give it back to go on from there. */
  cursor: string
  kind: 'app' | 'alert' | 'approval' | 'offboarding' | 'revocation' | 'source'
  id: string
  change: 'created' | 'changed' | 'deleted'
  /** The app, or that of a revocation; absent when the revocation is gone. */
  appId?: string
}

/** What changes in the hub, as it changes, from all processes. */
export interface EventSource {
  /**
   * @param cursor of the last event that was seen; undefined: from now on
   * @throws HubError ERR_INVALID_CURSOR when the cursor is none, or the database remembers no such time any more
   */
  events(cursor: string | undefined, signal: AbortSignal): AsyncIterable<ChangeEvent>
}
