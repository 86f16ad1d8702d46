import mongoose, { type Connection } from 'mongoose'
import type { ChangeEvent, EventSource } from '../auth/event-source.ts'
import { HubError } from '../shared/errors.ts'
import { translateStorageError } from './errors.ts'

const KINDS: Readonly<Record<string, ChangeEvent['kind']>> = {
  apps: 'app',
  alerts: 'alert',
  approvals: 'approval',
  offboardings: 'offboarding',
  revocations: 'revocation',
  sources: 'source',
}

const CHANGES: Readonly<Record<string, ChangeEvent['change']>> = {
  insert: 'created',
  update: 'changed',
  replace: 'changed',
  delete: 'deleted',
}

/** Server codes for a resume token that is none, or is older than the oplog. */
const LOST = new Set([9, 260, 280, 286, 50811, 50822])

/** Change streams of one database: what any process of the hub has committed, in order. */
export function createEventSource(connection: Connection): EventSource {
  const db = connection.getClient().db(connection.name)
  return {
    async *events(cursor, signal) {
      const stream = db.watch(
        [
          {
            $match: {
              'ns.coll': { $in: Object.keys(KINDS) },
              operationType: { $in: Object.keys(CHANGES) },
            },
          },
          {
            $project: {
              operationType: 1,
              ns: 1,
              documentKey: 1,
              'fullDocument.appId': 1,
            },
          },
        ],
        {
          fullDocument: 'updateLookup',
          ...(cursor === undefined ? {} : { resumeAfter: { _data: hex(cursor) } }),
        },
      )
      const stop = (): void => {
        stream.close().catch(() => {
          // Closing a cursor whose connection is gone has nothing left to close.
        })
      }
      signal.addEventListener('abort', stop, { once: true })
      try {
        while (!signal.aborted) {
          const change = (await stream.next()) as unknown as Change
          const kind = KINDS[change.ns.coll] ?? 'revocation'
          const id = String(change.documentKey._id)
          const appId = kind === 'app' ? id : change.fullDocument?.appId
          yield {
            cursor: change._id._data,
            kind,
            id,
            change: CHANGES[change.operationType] ?? 'changed',
            ...(appId === undefined ? {} : { appId }),
          }
        }
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof mongoose.mongo.MongoServerError && LOST.has(Number(error.code))) {
          throw lost(error)
        }
        throw translateStorageError(error)
      } finally {
        signal.removeEventListener('abort', stop)
        stop()
      }
    },
  }
}

interface Change {
  _id: { _data: string }
  operationType: string
  ns: { coll: string }
  documentKey: { _id: unknown }
  fullDocument?: { appId?: string }
}

function hex(cursor: string): string {
  if (/^[0-9A-Fa-f]{10,2048}$/.test(cursor)) return cursor
  throw lost()
}

const lost = (cause?: unknown): HubError =>
  new HubError(
    'ERR_INVALID_CURSOR',
    'the stream cannot go on from there; read what you need and begin again without Last-Event-ID',
    { cause },
  )
