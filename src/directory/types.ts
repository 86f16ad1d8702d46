import type { Instant } from '../shared/clock.ts'
import type { JsonObject } from '../shared/json.ts'

/** A SCIM User as stored: canonical attribute names, no `id`, `meta`, `groups` or `password`. */
export interface UserRecord {
  id: string
  sourceId: string
  /** RFC 7643 §4.1 plus extensions under their URN. */
  resource: JsonObject
  active: boolean
  /** Compare-and-swap counter; `W/"<version>"` is the ETag. */
  version: number
  /** +1 at every change of what this person may access; orders deactivate, reactivate, deactivate. */
  generation: number
  created: Instant
  lastModified: Instant
}

/** A SCIM Group as stored, without `members`: those are rows of their own. */
export interface GroupRecord {
  id: string
  sourceId: string
  /** RFC 7643 §4.2 without `members`. */
  resource: JsonObject
  version: number
  created: Instant
  lastModified: Instant
}

/** One row per (group, member). */
export interface Membership {
  sourceId: string
  groupId: string
  /** SCIM `members[].value`: id of a User, or of a nested Group. */
  memberId: string
  type: 'User' | 'Group'
  display?: string
}

/** A direct group of a user, as `groups` of the user shows it. */
export interface GroupRef {
  id: string
  display: string
}
