import type { FailCommand } from './replica-set.ts'

const COMMANDS = [
  'insert',
  'update',
  'findAndModify',
  'bulkWrite',
  'find',
  'getMore',
  'commitTransaction',
  'abortTransaction',
] as const

const FAULTS: readonly Omit<FailCommand, 'failCommands'>[] = [
  { closeConnection: true },
  { errorCode: 11600, errorLabels: ['RetryableWriteError'] },
  { writeConcernError: { code: 91, errmsg: 'shutting down' } },
  { errorCode: 112, errorLabels: ['TransientTransactionError'] },
  { errorCode: 251, errorLabels: ['TransientTransactionError'] },
  { blockConnection: true, blockTimeMS: 2_000 },
]

/** Each command fails in each way once, twice and five times in a row. */
export function failMatrix(): { data: FailCommand; times: number }[] {
  return COMMANDS.flatMap((command) =>
    FAULTS.flatMap((fault) =>
      [1, 2, 5].map((times) => ({ data: { failCommands: [command], ...fault }, times })),
    ),
  )
}
