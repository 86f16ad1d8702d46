import mongoose, { type mongo } from 'mongoose'
import { HubError } from '../shared/errors.ts'

const { MongoError, MongoServerError, MongoNetworkError, MongoServerSelectionError } =
  mongoose.mongo

/** Server codes that mean "not now": step-down, shutdown, interrupted, no primary, write concern timed out. */
const UNAVAILABLE_CODES = new Set([
  6, 7, 64, 89, 91, 100, 112, 133, 134, 189, 202, 251, 262, 9001, 10107, 11600, 11602, 13388, 13435,
  13436,
])

/**
 * What the rest of the hub sees of a storage failure. A throw out of a transaction means *unknown*, never
 * "not done": the caller says "try again" and the next try finds out.
 */
export function translateStorageError(error: unknown): unknown {
  if (error instanceof HubError) return error
  if (isDuplicateKey(error)) {
    return new HubError('ERR_UNIQUENESS', 'a resource with this value exists already', {
      cause: error,
      details: { key: Object.keys((error['keyPattern'] as object | undefined) ?? {}) },
    })
  }
  if (error instanceof MongoServerError && error.code === 50) {
    return new HubError('ERR_TOO_MANY', 'the query would read too much; narrow the filter', {
      cause: error,
    })
  }
  if (isUnavailable(error)) {
    return new HubError('ERR_STORAGE_UNAVAILABLE', 'storage is away; try again', {
      cause: error,
      retryAfterSeconds: 5,
    })
  }
  return error
}

export const isDuplicateKey = (error: unknown): error is mongo.MongoServerError =>
  error instanceof MongoServerError && error.code === 11000

function isUnavailable(error: unknown): boolean {
  if (error instanceof MongoNetworkError || error instanceof MongoServerSelectionError) return true
  if (!(error instanceof MongoError)) return false
  if (typeof error.code === 'number' && UNAVAILABLE_CODES.has(error.code)) return true
  return (
    error.hasErrorLabel('TransientTransactionError') ||
    error.hasErrorLabel('UnknownTransactionCommitResult') ||
    error.hasErrorLabel('RetryableWriteError') ||
    [
      'MongoNotConnectedError',
      'MongoTopologyClosedError',
      'MongoClientClosedError',
      'MongoExpiredSessionError',
      'MongoPoolClearedError',
      'MongoPoolClosedError',
      'PoolClearedOnNetworkError',
      'MongoWaitQueueTimeoutError',
      'MongoWriteConcernError',
    ].includes(error.name)
  )
}

/** Runs a storage call and translates what it throws. */
export async function translated<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw translateStorageError(error)
  }
}
