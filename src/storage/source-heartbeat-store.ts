import type { Connection, mongo } from 'mongoose'
import { type Heartbeat, heard } from '../auth/heartbeat.ts'
import type { HeartbeatStore } from '../auth/heartbeat-store.ts'
import { HubError, isHubError } from '../shared/errors.ts'
import { translated, translateStorageError } from './errors.ts'

interface HeartbeatRow extends Omit<Heartbeat, 'sourceId' | 'tolerated'> {
  _id: string
  /** As pairs: the kinds are our own words, yet no field names. */
  tolerated: readonly (readonly [kind: string, count: number])[]
  /** Moves with every write. */
  rev: number
}

/** Writers of one source meet here every few seconds at most. */
const MAX_RACES = 50

const rowsOf = (connection: Connection): mongo.Collection<HeartbeatRow> =>
  connection.getClient().db(connection.name).collection<HeartbeatRow>('source_heartbeats')

/** Creates the collection. It is read by `_id` alone and needs no further index. */
export async function prepareHeartbeats(connection: Connection): Promise<void> {
  await translated(async () => {
    await connection.createCollection('source_heartbeats')
  })
}

export function createHeartbeatStore(connection: Connection): HeartbeatStore {
  const rows = rowsOf(connection)

  const store = async (before: HeartbeatRow | null, after: Heartbeat): Promise<boolean> => {
    const { sourceId, tolerated, ...rest } = after
    const row = { ...rest, tolerated: Object.entries(tolerated), rev: (before?.rev ?? 0) + 1 }
    try {
      const result = await rows.replaceOne({ _id: sourceId, rev: before?.rev ?? 0 }, row, {
        upsert: before === null,
      })
      return result.matchedCount + result.upsertedCount === 1
    } catch (error) {
      // Another process has made the first row meanwhile.
      if (isHubError(translateStorageError(error), 'ERR_UNIQUENESS')) return false
      throw error
    }
  }

  return {
    all: () => translated(async () => (await rows.find().toArray()).map(toHeartbeat)),
    heartbeat: (sourceId) =>
      translated(async () => {
        const row = await rows.findOne({ _id: sourceId })
        return row === null ? null : toHeartbeat(row)
      }),
    add: (beat) =>
      translated(async () => {
        for (let race = 0; race < MAX_RACES; race++) {
          const before = await rows.findOne({ _id: beat.sourceId })
          if (await store(before, heard(before && toHeartbeat(before), beat))) return
        }
        throw new HubError('ERR_CONFLICT', 'too many writers of one heartbeat')
      }),
  }
}

function toHeartbeat({ _id, rev: _, tolerated, ...row }: HeartbeatRow): Heartbeat {
  return { sourceId: _id, ...row, tolerated: Object.fromEntries(tolerated) }
}
