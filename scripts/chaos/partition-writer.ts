import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import mongoose from 'mongoose'
import { isHubError } from '../../src/shared/errors.ts'
import { connect } from '../../src/storage/connection.ts'
import { aCall, intakeOn } from '../../test/support/intake.ts'

/** What this process is told, one line of JSON: an environment is too small for all who leave. */
export interface WriterOrders {
  uri: string
  dbName: string
  sourceId: string
  userIds: readonly string[]
  concurrency: number
  /** The control: an answer of one member is enough. */
  unsafe: boolean
}

/** What it says, one line of JSON each. */
export type WriterLine =
  | { kind: 'ready' }
  /** The intake has promised: this person's departure is durable. */
  | { kind: 'promised'; userId: string }
  | { kind: 'refused'; code: string; ms: number }

// Told what to do by a line, to begin by the next, to end by the end of its input.
let over = false
const input = createInterface({ input: process.stdin })
input.once('close', () => {
  over = true
})
const nextLine = async (): Promise<string> => String((await once(input, 'line'))[0])
const orders = JSON.parse(await nextLine()) as WriterOrders
const tell = (line: WriterLine): void => void process.stdout.write(`${JSON.stringify(line)}\n`)

if (orders.unsafe) promiseTooEarly()
const connection = await connect(orders.uri, orders.dbName)
const { directory } = await intakeOn(connection)
tell({ kind: 'ready' })

await nextLine()
const people = orders.userIds.values()
await Promise.all(
  Array.from({ length: orders.concurrency }, async () => {
    for (const userId of people) {
      if (over) return
      const began = performance.now()
      try {
        await directory.changeUser(aCall(orders.sourceId), userId, ({ resource }) => ({
          ...resource,
          active: false,
        }))
        tell({ kind: 'promised', userId })
      } catch (error) {
        const code = isHubError(error) ? error.code : String(error)
        tell({ kind: 'refused', code, ms: Math.round(performance.now() - began) })
      }
    }
  }),
)
process.exit(0)

/** As if `storage/connection.ts` asked for less. */
function promiseTooEarly(): void {
  const { prototype } = mongoose.mongo.ClientSession
  const { withTransaction } = prototype
  prototype.withTransaction = function (work, options) {
    return withTransaction.call(this, work, { ...options, writeConcern: { w: 1 } })
  } as typeof withTransaction
}
