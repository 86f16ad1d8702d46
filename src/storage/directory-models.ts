import { type Connection, type Model, Schema } from 'mongoose'
import type { JsonObject } from '../shared/json.ts'
import { translated } from './errors.ts'

/** `_id` is `<sourceId>/<id>`: one index serves reads by id, the listing order and the tenancy boundary. */
export interface ResourceRow {
  _id: string
  sourceId: string
  id: string
  resource: JsonObject
  search: JsonObject
  version: number
  created: Date
  lastModified: Date
}

export interface UserRow extends ResourceRow {
  active: boolean
  generation: number
}

export type GroupRow = ResourceRow

/** `_id` is `<sourceId>/<groupId>/<memberId>`. */
export interface MembershipRow {
  _id: string
  sourceId: string
  groupId: string
  memberId: string
  type: 'User' | 'Group'
  display?: string
}

const text = { type: String, required: true } as const
const number = { type: Number, required: true } as const
const date = { type: Date, required: true } as const
const mixed = { type: Schema.Types.Mixed, required: true } as const
const row = {
  _id: text,
  sourceId: text,
  id: text,
  resource: mixed,
  search: mixed,
  version: number,
  created: date,
  lastModified: date,
}
const options = { strict: 'throw', versionKey: false, minimize: false } as const

const userSchema = new Schema(
  { ...row, active: { type: Boolean, required: true }, generation: number },
  { ...options, collection: 'users' },
)
userSchema.index({ sourceId: 1, 'search.userName': 1 }, { unique: true })
userSchema.index({ sourceId: 1, 'search.externalId': 1 })
userSchema.index({ sourceId: 1, 'search.emails.value': 1 })
userSchema.index({ sourceId: 1, lastModified: 1 })

const groupSchema = new Schema(row, { ...options, collection: 'groups' })
groupSchema.index({ sourceId: 1, 'search.displayName': 1 }, { unique: true })
groupSchema.index({ sourceId: 1, 'search.externalId': 1 })

const membershipSchema = new Schema(
  {
    _id: text,
    sourceId: text,
    groupId: text,
    memberId: text,
    type: { type: String, enum: ['User', 'Group'], required: true },
    display: String,
  },
  { ...options, collection: 'memberships' },
)
membershipSchema.index({ sourceId: 1, groupId: 1, memberId: 1 }, { unique: true })
membershipSchema.index({ sourceId: 1, memberId: 1, groupId: 1 })

const SCHEMAS = { users: userSchema, groups: groupSchema, memberships: membershipSchema } as const

const modelOf = (connection: Connection, name: keyof typeof SCHEMAS): Model<unknown> =>
  (connection.models[name] ?? connection.model(name, SCHEMAS[name] as Schema)) as Model<unknown>

/** Creates the collections and indexes of the directory. Safe to repeat; run it before the first request. */
export async function prepareDirectory(connection: Connection): Promise<void> {
  await translated(async () => {
    for (const name of ['users', 'groups', 'memberships'] as const) {
      const model = modelOf(connection, name)
      await model.createCollection()
      await model.createIndexes()
    }
  })
}
