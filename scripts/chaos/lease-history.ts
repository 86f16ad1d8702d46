import type { Connection } from 'mongoose'

/** What the database said about the lease of one lane, at the time at which it was stored. */
export interface LeaseChange {
  lane: string
  at: number
  /** Null: nobody has the lane. */
  lease: { id: string; pid: number; until: number } | null
}

/** Writes down every change of every lease, from the database's own log. */
export interface LeaseHistory {
  changes: LeaseChange[]
  /** Resolves when everything that was stored before this call has been seen. */
  close(): Promise<void>
}

/** Sees what is stored from the call on, however often its stream fails meanwhile. */
export async function recordLeases(connection: Connection): Promise<LeaseHistory> {
  const db = connection.getClient().db(connection.name)
  const { operationTime } = await db.command({ ping: 1 })
  const changes: LeaseChange[] = []
  const last = new Map<string, Lease | null>()
  const lanes = db.collection<{ _id: string }>('lanes')
  const marker = `end-${process.pid}`
  let ended = false
  let token: unknown

  const watch = async (): Promise<void> => {
    const stream = lanes.watch(
      [
        {
          $project: {
            operationType: 1,
            documentKey: 1,
            wallTime: 1,
            clusterTime: 1,
            'fullDocument.lease': 1,
            // A replacement that changes little is logged as an update.
            'updateDescription.updatedFields': 1,
          },
        },
      ],
      // A stream that failed before it had seen anything has no token to go on from.
      token === undefined
        ? { startAtOperationTime: operationTime }
        : { resumeAfter: token as object },
    )
    try {
      for await (const event of stream as AsyncIterable<Event>) {
        token = event._id
        const lane = event.documentKey?._id
        if (lane === undefined) continue
        if (lane === marker) {
          ended = true
          return
        }
        const before = last.get(lane) ?? null
        const lease = leaseAfter(before, event)
        if (before?.id === lease?.id && before?.until === lease?.until) continue
        last.set(lane, lease)
        const pid = lease === null ? 0 : Number(lease.holder.split('/').at(-2))
        changes.push({
          lane,
          at: event.wallTime.getTime(),
          lease: lease && { id: lease.id, pid, until: lease.until },
        })
      }
    } finally {
      await stream.close().catch(() => undefined)
    }
  }

  const running = (async () => {
    while (!ended) {
      // A failover longer than the driver's patience ends a stream; the next one goes on where it was.
      await watch().catch(() => new Promise((resolve) => setTimeout(resolve, 500)))
    }
  })()

  return {
    changes,
    close: async () => {
      await lanes.insertOne({ _id: marker })
      await running
      await lanes.deleteOne({ _id: marker })
    },
  }
}

interface Lease {
  id: string
  holder: string
  until: number
}

interface Event {
  _id: unknown
  documentKey?: { _id: string }
  wallTime: Date
  fullDocument?: { lease?: Lease | null }
  updateDescription?: { updatedFields?: Record<string, unknown> }
}

function leaseAfter(before: Lease | null, event: Event): Lease | null {
  if (event.fullDocument !== undefined) return event.fullDocument.lease ?? null
  const fields = event.updateDescription?.updatedFields ?? {}
  if ('lease' in fields) return (fields['lease'] as Lease | null) ?? null
  const changed = Object.entries(fields).flatMap(([name, value]) =>
    name.startsWith('lease.') ? [[name.slice('lease.'.length), value]] : [],
  )
  return changed.length === 0 ? before : ({ ...before, ...Object.fromEntries(changed) } as Lease)
}
