import type { Instant } from '../shared/clock.ts'

/** How the revocations of one app whose deadlines lie in a span of time ended. */
export interface AppTimeliness {
  appId: string
  total: number
  proven: number
  /** Proven by the deadline. */
  inTime: number
  waived: number
  superseded: number
  /** Still owed after the deadline. */
  overdue: number
  /** Last seen live, although the app said that it was gone. */
  contradicted: number
  /** From the opening to the proof, in ms; absent when nothing is proven. */
  averageMs?: number
  longestMs?: number
}

/** Who left in a span of time, by source. */
export interface SourcePopulation {
  sourceId: string
  leavers: number
  movers: number
  forCause: number
  open: number
}

/** Sums for reports. `from` is included, `until` is not. Each is a scan of one index range. */
export interface ReportStore {
  timeliness(span: { from: Instant; until: Instant; now: Instant }): Promise<AppTimeliness[]>
  population(span: { from: Instant; until: Instant }): Promise<SourcePopulation[]>
}
