import { isJsonObject, type Json, type JsonObject } from '../shared/json.ts'

/** A request that wanted to deactivate somebody, and was not simply obeyed. */
export interface DeactivationEvent {
  /** `refused`: the person is as active as before. `dropped`: deactivated, but other operations were not done. */
  kind: 'refused' | 'dropped'
  sourceId: string
  /** The hub's id; absent when the request named none. */
  userId?: string
  requestId: string
  /** Code of the error. */
  code: string
}

const USER_URN = 'urn:ietf:params:scim:schemas:core:2.0:user:'

/**
 * Whether a request about one user asks that the person be no longer active, or says of `active` what nobody can
 * read: of that, too, people must know.
 */
export function wantsDeactivation(method: string, body: Json | undefined): boolean {
  if (method === 'DELETE') return true
  if (!isJsonObject(body)) return false
  if (method === 'PUT') return saysInactive(body)
  if (method !== 'PATCH') return false
  const operations = fieldOf(body, 'operations')
  // A partial resource, as SCIM 1.1 had it.
  if (operations === undefined) return saysInactive(body)
  return (Array.isArray(operations) ? operations : [operations]).some((operation) => {
    if (!isJsonObject(operation)) return false
    const path = fieldOf(operation, 'path')
    const value = fieldOf(operation, 'value') ?? null
    if (typeof path === 'string' && !isWhole(path)) return speaksOfActive(path) && !isTrue(value)
    return saysInactive(value)
  })
}

/** The same of a bulk request that is refused as a whole. */
export function bulkWantsDeactivation(body: Json | undefined): boolean {
  const operations = isJsonObject(body ?? null) ? fieldOf(body as JsonObject, 'operations') : []
  return (Array.isArray(operations) ? operations : []).some((operation) => {
    if (!isJsonObject(operation)) return false
    const [method, path] = [fieldOf(operation, 'method'), fieldOf(operation, 'path')]
    if (typeof method !== 'string' || typeof path !== 'string') return false
    return (
      /^\/?users\//i.test(path) &&
      wantsDeactivation(method.toUpperCase(), fieldOf(operation, 'data'))
    )
  })
}

/** The name of `active`, alone or behind the URN of its schema. */
export function isActive(path: string): boolean {
  const name = path.trim().toLowerCase()
  return name === 'active' || name === `${USER_URN}active`
}

/** Any schema's `active`: what is refused for its wrong URN was meant all the same. */
const speaksOfActive = (path: string): boolean => /^(urn:.*[:.])?active$/i.test(path.trim())

/** No path, or the URN of the schema of users: then the value is a part of the resource. */
export const isWhole = (path: string): boolean =>
  ['', USER_URN.slice(0, -1)].includes(path.trim().toLowerCase())

/**
 * Whether a part of a resource says so, also below the URN of its schema, in a list of one, or as a text of JSON.
 * `null` says nothing (RFC 7643 §2.5).
 */
function saysInactive(resource: Json): boolean {
  if (Array.isArray(resource)) return resource.some(saysInactive)
  if (typeof resource === 'string') return /"active"\s*:(?!\s*"?true)/i.test(resource)
  if (!isJsonObject(resource)) return false
  return Object.entries(resource).some(([name, value]) =>
    isWhole(name)
      ? isJsonObject(value) && saysInactive(value)
      : speaksOfActive(name) && value !== null && !isTrue(value),
  )
}

function isTrue(value: Json): boolean {
  if (Array.isArray(value)) return value.length === 1 && isTrue(value[0] ?? null)
  if (isJsonObject(value)) return isTrue(value['value'] ?? null)
  return value === true || (typeof value === 'string' && value.toLowerCase() === 'true')
}

function fieldOf(object: JsonObject, lowerName: string): Json | undefined {
  return Object.entries(object).find(([name]) => name.toLowerCase() === lowerName)?.[1]
}

/** Answers after which the provider tries again by itself, or that say nothing of the request. */
const NO_REFUSAL = new Set([401, 404, 412, 429, 503])

export const isRefusal = (status: number): boolean => status >= 400 && !NO_REFUSAL.has(status)

/** The path may hold anything, an address of a person too: only ids of ours go on. */
export const ownId = (id: string | undefined): string | undefined =>
  id !== undefined && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) ? id : undefined
