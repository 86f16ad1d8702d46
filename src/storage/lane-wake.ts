import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection, mongo } from 'mongoose'
import type { EngineLog } from '../revocation/log.ts'
import type { LaneWake, Listening } from '../revocation/wake.ts'

interface WakeRow {
  _id: string
  rung: number
}

/** A look of the stream at the server: shorter than the client's socket time-out. */
const AWAIT_MS = 4_000
/** Between two attempts to listen. */
const AGAIN_MS = 1_000
/** Rings closer to each other than this are one. */
const REST_MS = 20

const wakesOf = (connection: Connection): mongo.Collection<WakeRow> =>
  connection.getClient().db(connection.name).collection<WakeRow>('lane_wakes')

/** Wakes processes by a change stream over one row. Needs no preparation. */
export function createLaneWake(connection: Connection, log: EngineLog): LaneWake {
  const rows = wakesOf(connection)
  let asked = false
  let ringing = false

  const ringAll = async (): Promise<void> => {
    ringing = true
    while (asked) {
      asked = false
      try {
        // One member is enough: who is not rung looks a few seconds later.
        await rows.updateOne(
          { _id: 'lanes' },
          { $inc: { rung: 1 } },
          { upsert: true, writeConcern: { w: 1 } },
        )
      } catch (error) {
        log.warn({ err: error }, 'workers could not be woken; they look by themselves')
      }
      await sleep(REST_MS)
    }
    ringing = false
  }

  return {
    ring: () => {
      asked = true
      if (!ringing) void ringAll()
    },
    listen: createEar(rows, log),
  }
}

/** One stream for all who listen in this process, open as long as there is one. */
function createEar(rows: mongo.Collection<WakeRow>, log: EngineLog): LaneWake['listen'] {
  const listeners = new Set<() => void>()
  const tellAll = (): void => {
    for (const tell of listeners) tell()
  }
  let stream: Listening | undefined
  return (onRung) => {
    // Each its own, also where one function listens twice.
    const tell = (): void => onRung()
    listeners.add(tell)
    stream ??= listenOn(rows, tellAll, log)
    const mine = stream
    if (mine.hears()) onRung()
    return {
      hears: mine.hears,
      stop: async () => {
        listeners.delete(tell)
        if (listeners.size > 0) return
        if (stream === mine) stream = undefined
        await mine.stop()
      },
    }
  }
}

function listenOn(rows: mongo.Collection<WakeRow>, onRung: () => void, log: EngineLog): Listening {
  const stopped = new AbortController()
  let stream: mongo.ChangeStream<WakeRow> | undefined
  let hears = false

  const hear = async (): Promise<void> => {
    const opened = rows.watch([], { maxAwaitTimeMS: AWAIT_MS })
    stream = opened
    // With its first token the cursor is open: from here on nothing is missed.
    opened.once('resumeTokenChanged', () => {
      hears = true
      onRung()
    })
    try {
      for (;;) {
        const event = await opened.tryNext()
        if (stopped.signal.aborted || opened.closed) return
        if (event !== null) onRung()
      }
    } finally {
      hears = false
      await opened.close()
    }
  }

  const listening = (async () => {
    while (!stopped.signal.aborted) {
      try {
        await hear()
      } catch (error) {
        if (stopped.signal.aborted) return
        log.warn({ err: error }, 'workers cannot be woken; they look by themselves')
      }
      await sleep(AGAIN_MS, undefined, { signal: stopped.signal }).catch(() => undefined)
    }
  })()

  return {
    hears: () => hears,
    stop: async () => {
      stopped.abort()
      await stream?.close()
      await listening
    },
  }
}
