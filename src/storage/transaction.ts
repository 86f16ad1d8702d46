import mongoose, { type ClientSession, type Connection } from 'mongoose'
import { isHubError } from '../shared/errors.ts'
import type { Transaction, Transactor } from '../shared/transaction.ts'
import { inTransaction } from './connection.ts'
import { translated } from './errors.ts'

/** The session behind a transaction, as an option of a driver call: `{}` outside of a transaction. */
export function sessionOf(tx: Transaction | undefined): { session?: ClientSession } {
  return tx === undefined ? {} : { session: tx as unknown as ClientSession }
}

/**
 * Runs a storage call. Outside of a transaction, failures become HubErrors; inside, they pass untouched,
 * because the driver repeats the transaction by the labels on its own errors.
 */
export function within<T>(tx: Transaction | undefined, call: () => Promise<T>): Promise<T> {
  return tx === undefined ? translated(call) : call()
}

/** The port of `shared/transaction.ts` on a connection. */
export function createTransactor(connection: Connection): Transactor {
  return {
    transaction: (work) =>
      inTransaction(connection, async (session) => {
        try {
          return await work(session as unknown as Transaction)
        } catch (error) {
          throw repeatable(error)
        }
      }),
  }
}

/** A write conflict that was translated on its way out: give the driver its own error back, it retries on it. */
function repeatable(error: unknown): unknown {
  if (!isHubError(error)) return error
  const { cause } = error
  return cause instanceof mongoose.mongo.MongoError &&
    cause.hasErrorLabel('TransientTransactionError')
    ? cause
    : error
}
