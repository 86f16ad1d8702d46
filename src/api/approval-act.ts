import { z } from 'zod'
import type { Approval } from '../auth/approval.ts'
import type { AppRecord } from '../revocation/types.ts'
import { DAY, type Instant } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import type { JsonObject } from '../shared/json.ts'
import type { Transaction } from '../shared/transaction.ts'
import type { Act } from './acts.ts'
import { idField, sourceIdField } from './fields.ts'
import { invalid } from './validate.ts'

/** A proposal, completed with what the hub found out when it was made. */
export interface Prepared {
  payload: JsonObject
  about: string
  subject?: { sourceId: string; userId: string }
  /** Needed to carry it out, for nobody's eyes. */
  kept?: string
  /** For the owner of an app: whose it is. */
  owners: readonly string[]
}

/** One kind of act that needs two persons. */
export interface ApprovalAct {
  /** Of the payload as proposed. */
  schema: z.ZodObject
  /** What it means, for people. */
  title: string
  /** Looks whether it can be done at all, before anybody is asked. */
  prepare(payload: JsonObject, signal: AbortSignal): Promise<Prepared>
  /** Does it, in the transaction of the decision, and records it. It may run several times. */
  carryOut(
    approval: Approval & { decidedBy: { person: string } },
    tx: Transaction,
    record: (act: Act) => Promise<string>,
  ): Promise<void>
  /** After the commit. */
  after?(approval: Approval): void
}

/** Waivers and exemptions are for a time; who wants more proposes again. */
const LONGEST_MS = 366 * DAY

/** Until when a risk is accepted. */
export const untilField = z.iso.datetime().meta({ description: 'At most a year ahead' })

/** The fields of a payload that name a person. */
export const personFields = { sourceId: sourceIdField, userId: idField }

/** A field of a payload that its schema has let through as text. */
export const textIn = (payload: JsonObject, name: string): string => String(payload[name])

/** Whom a payload names. */
export const subjectIn = (payload: JsonObject): { sourceId: string; userId: string } => ({
  sourceId: textIn(payload, 'sourceId'),
  userId: textIn(payload, 'userId'),
})

/** `until` of a payload. @throws HubError ERR_INVALID_VALUE unless it lies ahead, by a year at most */
export function untilIn(payload: JsonObject, now: Instant): Instant {
  const until = Date.parse(textIn(payload, 'until'))
  if (until <= now || until > now + LONGEST_MS) {
    throw invalid([{ pointer: '/payload/until', message: 'must be ahead, by a year at most' }])
  }
  return until
}

/** An app that covers people. @throws HubError ERR_NOT_FOUND for one that is removed, too */
export async function existingApp(
  apps: { app(id: string): Promise<AppRecord | null> },
  id: string,
): Promise<AppRecord> {
  const app = await apps.app(id)
  if (app === null || app.removedAt !== undefined) throw missing('app')
  return app
}

/** What a proposal is about is not there. */
export const missing = (what: string): HubError =>
  new HubError('ERR_NOT_FOUND', `there is no such ${what}`)
