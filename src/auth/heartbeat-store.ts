import type { Beat, Heartbeat } from './heartbeat.ts'

/** Heartbeats, kept. `null` means "never heard". */
export interface HeartbeatStore {
  all(): Promise<Heartbeat[]>
  heartbeat(sourceId: string): Promise<Heartbeat | null>
  /** Adds what one process heard; several may do so at once. */
  add(beat: Beat): Promise<void>
}
