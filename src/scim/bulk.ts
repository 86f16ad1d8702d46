import { HubError } from '../shared/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../shared/json.ts'
import { bulkOrder } from './bulk-order.ts'
import {
  type BrokenOperation,
  type BulkOperation,
  bulkOperationsOf,
  resolved,
  stripped,
} from './bulk-request.ts'
import type { ResourceVerbs, ScimAnswer, ScimCall } from './call.ts'
import { scimError } from './error-writer.ts'
import { PATCH_URN } from './patch-request.ts'

/** What one bulk request may hold; advertised as it is. */
export const BULK = { maxOperations: 1_000, maxPayloadSize: 1_048_576 } as const

/** One operation as it was tried. */
export interface FailedOperation {
  call: ScimCall
  method: string
  endpoint: 'Users' | 'Groups'
  id: string | undefined
  data: Json
}

interface BulkParts {
  verbs: Readonly<Record<'Users' | 'Groups', ResourceVerbs>>
  /** Told of every failed operation, so that faults of ours reach the log, and refusals the right people. */
  onError(error: unknown, failed: FailedOperation): void
}

/**
 * Runs a bulk request (RFC 7644 §3.7). Operations run in their order, except that one which refers to
 * `bulkId:x` waits for x; in a circle, the reference is added afterwards.
 */
export function createBulk({ verbs, onError }: BulkParts) {
  return async (call: ScimCall, body: Json): Promise<ScimAnswer> => {
    const { operations, failOnErrors } = bulkOperationsOf(body, BULK.maxOperations)
    const ids = new Map<string, string>()
    const results = new Map<BulkOperation | BrokenOperation, JsonObject>()
    const deferred: BulkOperation[] = []
    let errors = 0

    const run = async (operation: BulkOperation | BrokenOperation, data: Json): Promise<void> => {
      if ('fault' in operation) {
        errors++
        results.set(operation, refused(call, operation, onError))
        return
      }
      const outcome = await attempt(call, operation, data, ids, { verbs, onError })
      results.set(operation, outcome.result)
      if (outcome.id !== undefined && operation.bulkId !== undefined)
        ids.set(operation.bulkId, outcome.id)
      if (outcome.failed) errors++
    }
    const stopped = (): boolean => failOnErrors > 0 && errors >= failOnErrors

    for (const { operation, open } of bulkOrder(operations)) {
      if (open.size > 0 && !('fault' in operation)) deferred.push(operation)
      await run(operation, open.size > 0 ? stripped(operation.data, open) : operation.data)
      if (stopped()) break
    }
    if (!stopped()) {
      for (const operation of deferred) {
        const failure = await complete(call, operation, ids, { verbs, onError })
        if (failure !== undefined) results.set(operation, { ...results.get(operation), ...failure })
      }
    }
    const done = operations.flatMap((operation): JsonObject[] => {
      const result = results.get(operation)
      return result === undefined ? [] : [result]
    })
    if (done.length > 0 && done.every((result) => result['status'] === '503')) {
      throw new HubError('ERR_STORAGE_UNAVAILABLE', 'storage is away; try again', {
        retryAfterSeconds: 5,
      })
    }
    return {
      status: 200,
      body: {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkResponse'],
        Operations: done,
      },
    }
  }
}

function refused(
  call: ScimCall,
  { fault, method, endpoint, id, bulkId, data }: BrokenOperation,
  onError: BulkParts['onError'],
): JsonObject {
  const { status, body } = scimError(fault)
  if (endpoint !== undefined) onError(fault, { call, method: method ?? '', endpoint, id, data })
  return {
    ...(method === undefined ? {} : { method }),
    ...(bulkId === undefined ? {} : { bulkId }),
    ...(endpoint === undefined || id === undefined
      ? {}
      : { location: `${call.base}/${endpoint}/${id}` }),
    status: String(status),
    response: body,
  }
}

interface Outcome {
  result: JsonObject
  failed: boolean
  id?: string
}

async function attempt(
  call: ScimCall,
  operation: BulkOperation,
  data: Json,
  ids: ReadonlyMap<string, string>,
  { verbs, onError }: BulkParts,
): Promise<Outcome> {
  const { method, bulkId, endpoint } = operation
  const echo: JsonObject = { method, ...(bulkId === undefined ? {} : { bulkId }) }
  let location = operation.id === undefined ? undefined : `${call.base}/${endpoint}/${operation.id}`
  try {
    const id = operation.id === undefined ? undefined : String(resolved(operation.id, ids))
    if (id !== undefined) location = `${call.base}/${endpoint}/${id}`
    const own = {
      ...call,
      query: new URLSearchParams(),
      ifNoneMatch: undefined,
      ifMatch: operation.version,
    }
    const answer = await perform(own, verbs[endpoint], method, id, resolved(data, ids))
    const createdId = answer.body?.['id']
    const made = method === 'POST' && typeof createdId === 'string' ? createdId : undefined
    if (made !== undefined) location = `${call.base}/${endpoint}/${made}`
    const version = answer.headers?.['ETag']
    return {
      failed: false,
      ...(made === undefined ? {} : { id: made }),
      result: {
        ...echo,
        ...(location === undefined ? {} : { location }),
        ...(version === undefined ? {} : { version }),
        status: String(answer.status),
      },
    }
  } catch (error) {
    onError(error, { call, method, endpoint, id: operation.id, data })
    const { status, body } = scimError(error)
    return {
      failed: true,
      result: {
        ...echo,
        ...(location === undefined ? {} : { location }),
        status: String(status),
        response: body,
      },
    }
  }
}

async function perform(
  call: ScimCall,
  verbs: ResourceVerbs,
  method: BulkOperation['method'],
  id: string | undefined,
  data: Json,
): Promise<ScimAnswer> {
  if (method === 'POST') return await verbs.create(call, data, 'bulk')
  if (id === undefined) throw new HubError('ERR_SYNTAX', `${method} needs the path of one resource`)
  switch (method) {
    case 'PUT':
      return await verbs.replace(call, id, data, 'bulk')
    case 'PATCH':
      return await verbs.modify(call, id, data, 'bulk')
    case 'DELETE':
      return await verbs.remove(call, id, 'bulk')
  }
}

/** Adds what was left out of a resource in a circle of references. */
async function complete(
  call: ScimCall,
  operation: BulkOperation,
  ids: ReadonlyMap<string, string>,
  parts: BulkParts,
): Promise<JsonObject | undefined> {
  const id = operation.bulkId === undefined ? undefined : ids.get(operation.bulkId)
  if (id === undefined || !isJsonObject(operation.data)) return undefined
  const { schemas: _, ...value } = operation.data
  const outcome = await attempt(
    call,
    { method: 'PATCH', endpoint: operation.endpoint, id, data: null },
    { schemas: [PATCH_URN], Operations: [{ op: 'add', value }] },
    ids,
    parts,
  )
  if (!outcome.failed) return undefined
  const { status, response } = outcome.result
  return {
    ...(status === undefined ? {} : { status }),
    ...(response === undefined ? {} : { response }),
  }
}
