/**
 * How processes wake each other: who commits work rings, who does work listens. A ring may be lost; listeners go on
 * polling, only less often while they hear.
 */
export interface LaneWake {
  /** Lanes were committed. Costs the caller nothing: it waits for nobody, and rings in a row become one. */
  ring(): void
  /** @param onRung also called once when the ear opens again: rings may have been missed */
  listen(onRung: () => void): Listening
}

export interface Listening {
  /** Would a ring be heard now? */
  hears(): boolean
  stop(): Promise<void>
}
