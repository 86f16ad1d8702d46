import { type Clock, SECOND } from '../shared/clock.ts'
import { type Beat, joined } from './heartbeat.ts'
import type { HeartbeatStore } from './heartbeat-store.ts'

/** One answered request of a source. */
export interface HeardCall {
  sourceId: string
  /** It asked for a change and was answered 2xx. */
  changed: boolean
  status: number
  /** What the dialect was forgiven in it. */
  tolerated?: Iterable<string>
}

/** Collects what sources do in memory, and writes it down now and then: no write of its own for a request. */
export interface HeartbeatRecorder {
  heard(call: HeardCall): void
  /** Writes what is collected. What cannot be written is kept for the next time. */
  flush(): Promise<void>
  start(): void
  /** Writes for the last time. */
  stop(): Promise<void>
}

const EVERY_MS = 5 * SECOND

export function createHeartbeatRecorder(options: {
  store: Pick<HeartbeatStore, 'add'>
  clock: Clock
  onFailed(error: unknown): void
}): HeartbeatRecorder {
  let beats = new Map<string, Beat>()
  let started = false
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()

  const keep = (beat: Beat): void => {
    const before = beats.get(beat.sourceId)
    beats.set(beat.sourceId, before === undefined ? beat : joined(before, beat))
    arm()
  }
  /** Only while there is something to write: a timer that finds nothing would wake an idle process. */
  const arm = (): void => {
    if (!started || timer !== undefined || beats.size === 0) return
    timer = setTimeout(() => {
      timer = undefined
      void flush()
    }, EVERY_MS)
  }

  const write = async (): Promise<void> => {
    const taken = beats
    beats = new Map()
    for (const beat of taken.values()) {
      try {
        await options.store.add(beat)
      } catch (error) {
        keep(beat)
        options.onFailed(error)
      }
    }
  }
  const flush = (): Promise<void> => {
    writing = writing.then(write)
    return writing
  }

  return {
    heard: ({ sourceId, changed, status, tolerated = [] }) => {
      const now = options.clock.now()
      keep({
        sourceId,
        firstAt: now,
        lastAt: now,
        ...(changed ? { lastChangeAt: now } : {}),
        calls: 1,
        changes: changed ? 1 : 0,
        errors: status >= 400 && status !== 404 ? 1 : 0,
        tolerated: Object.fromEntries([...tolerated].map((kind) => [kind, 1])),
      })
    },
    flush,
    start: () => {
      started = true
      arm()
    },
    stop: async () => {
      started = false
      clearTimeout(timer)
      await flush()
    },
  }
}
