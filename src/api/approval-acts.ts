import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Approval, ApprovalKind } from '../auth/approval.ts'
import type { ExemptionStore, LegalHoldStore } from '../auth/approval-store.ts'
import type { DirectoryStore } from '../directory/store.ts'
import type { RevocationReader } from '../revocation/reader.ts'
import type { AppRecord, Revocation } from '../revocation/types.ts'
import { type WaiveDeps, waive } from '../revocation/waive.ts'
import { type Clock, DAY, type Instant, iso } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { newId } from '../shared/ids.ts'
import type { JsonObject } from '../shared/json.ts'
import type { Transaction } from '../shared/transaction.ts'
import type { Act } from './acts.ts'
import { type ConnectorOpener, inventoryOf } from './app-inventory.ts'
import { idField, present, sourceIdField } from './fields.ts'
import { isOwed } from './revocation-answer.ts'
import { invalid } from './validate.ts'

/** More than departures held, on their way again. */
export interface StormDesk {
  /** What waits of this source; null when nothing is held. */
  storm(sourceId: string): Promise<{ id: string; departures: number } | null>
  /** @returns how many revocations went on */
  resume(stormId: string, tx: Transaction): Promise<number>
}

export interface ApprovalActsParts {
  revocations: Pick<RevocationReader, 'revocation' | 'offboarding' | 'list'>
  directory: Pick<DirectoryStore, 'user'>
  apps: {
    app(id: string): Promise<AppRecord | null>
    replace(app: AppRecord, expectedVersion: number, tx?: Transaction): Promise<boolean>
    invalidate(): void
  }
  exemptions: ExemptionStore
  legalHolds: LegalHoldStore
  waiving: WaiveDeps
  runner: ConnectorOpener
  storms?: StormDesk
  erasure: {
    /** In the transaction of the approval. @throws HubError ERR_NOT_FOUND, ERR_CONFLICT while the case is open */
    eraseCase(offboardingId: string, tx: Transaction): Promise<boolean>
  }
  clock: Clock
}

/** A proposal, completed with what the hub found out when it was made. */
export interface Prepared {
  payload: JsonObject
  about: string
  subject?: { sourceId: string; userId: string }
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

const untilField = z.iso.datetime().meta({ description: 'At most a year ahead' })
const person = { sourceId: sourceIdField, userId: idField }

/** What is done once a second person has said yes. */
export function approvalActs(
  parts: ApprovalActsParts,
): Readonly<Record<ApprovalKind, ApprovalAct>> {
  const { revocations, apps, exemptions, legalHolds, clock } = parts

  const ahead = (text: string): Instant => {
    const until = Date.parse(text)
    const now = clock.now()
    if (until <= now || until > now + LONGEST_MS) {
      throw invalid([{ pointer: '/payload/until', message: 'must be ahead, by a year at most' }])
    }
    return until
  }
  const owedRevocation = async (id: string): Promise<Revocation> => {
    const revocation = await revocations.revocation(id)
    if (revocation === null) throw missing('revocation')
    if (!isOwed(revocation)) throw new HubError('ERR_CONFLICT', 'nothing is owed of it any more')
    return revocation
  }
  const existingApp = async (id: string): Promise<AppRecord> => {
    const app = await apps.app(id)
    if (app === null || app.removedAt !== undefined) throw missing('app')
    return app
  }
  const changeApp = async (
    id: string,
    change: Partial<AppRecord>,
    tx: Transaction,
  ): Promise<AppRecord> => {
    const before = await existingApp(id)
    const after = { ...before, ...change, updatedAt: clock.now(), version: before.version + 1 }
    if (!(await apps.replace(after, before.version, tx))) {
      throw new HubError('ERR_CONFLICT', 'the app has changed at this moment; decide again')
    }
    return before
  }
  const openOf = async (filter: { sourceId?: string; userId?: string; appId?: string }) => {
    const open: Revocation[] = []
    let cursor: string | undefined
    do {
      const page = await revocations.list(
        { ...filter, open: true },
        { limit: 500, ...(cursor === undefined ? {} : { cursor }) },
      )
      open.push(...page.items.filter(isOwed))
      cursor = page.next
    } while (cursor !== undefined)
    return open
  }
  const text = (payload: JsonObject, name: string): string => String(payload[name])
  const subjectOf = (payload: JsonObject) => ({
    sourceId: text(payload, 'sourceId'),
    userId: text(payload, 'userId'),
  })
  const knownPerson = async (payload: JsonObject) => {
    const subject = subjectOf(payload)
    if ((await parts.directory.user(subject.sourceId, subject.userId)) === null) {
      throw missing('user')
    }
    return subject
  }

  return {
    waive: {
      title: 'Accept the risk of one revocation for a time',
      schema: z.strictObject({ revocationId: idField, until: untilField }),
      prepare: async (payload) => {
        const revocation = await owedRevocation(text(payload, 'revocationId'))
        ahead(text(payload, 'until'))
        const { id, sourceId, userId, owners } = revocation
        return { payload, about: id, subject: { sourceId, userId }, owners }
      },
      carryOut: async ({ id, payload, reason, proposedBy, decidedBy }, tx) => {
        const revocation = await owedRevocation(text(payload, 'revocationId'))
        const decision = {
          until: ahead(text(payload, 'until')),
          approval: id,
          approvedBy: [proposedBy.person, decidedBy.person] as const,
          reason,
        }
        await waive(parts.waiving, revocation, decision, tx)
      },
    },

    exempt: {
      title: 'Do not revoke this person in this app, or in no app, for a time',
      schema: z.strictObject({ ...person, appId: idField.optional(), until: untilField }),
      prepare: async (payload) => {
        const subject = await knownPerson(payload)
        ahead(text(payload, 'until'))
        const app = payload['appId'] === undefined ? undefined : text(payload, 'appId')
        const owners = app === undefined ? [] : (await existingApp(app)).owners
        return { payload, about: subject.userId, subject, owners }
      },
      carryOut: async (approval, tx, record) => {
        const { payload, reason, proposedBy, decidedBy } = approval
        const subject = subjectOf(payload)
        const until = ahead(text(payload, 'until'))
        const app = payload['appId'] === undefined ? {} : { appId: text(payload, 'appId') }
        const exemption = newId()
        const now = clock.now()
        await exemptions.insert(
          { id: exemption, ...subject, ...app, from: now, until, approval: approval.id },
          tx,
        )
        await record({
          entry: {
            type: 'exemption.granted',
            exemption,
            source: subject.sourceId,
            expires: iso(until),
            ...present({ app: app.appId }),
          },
          said: { subject, reason },
          approval: approval.id,
        })
        const approvedBy = [proposedBy.person, decidedBy.person] as const
        const decision = { until, approval: approval.id, approvedBy, reason }
        for (const revocation of await openOf({ ...subject, ...app })) {
          await waive(parts.waiving, revocation, decision, tx)
        }
      },
    },

    'end-exemption': {
      title: 'Take an exemption back before its time',
      schema: z.strictObject({ exemptionId: idField }),
      prepare: async (payload) => {
        const exemption = await exemptions.exemption(text(payload, 'exemptionId'))
        if (exemption === null || exemption.endedAt !== undefined) throw missing('exemption')
        const { id, sourceId, userId } = exemption
        return { payload, about: id, subject: { sourceId, userId }, owners: [] }
      },
      carryOut: async ({ id, payload, reason }, tx, record) => {
        const exemption = text(payload, 'exemptionId')
        if (!(await exemptions.end(exemption, clock.now(), tx))) throw missing('exemption')
        await record({
          entry: { type: 'exemption.ended', exemption, because: 'withdrawn' },
          said: { reason },
          approval: id,
        })
      },
    },

    hold: {
      title: 'Legal hold: nothing of this person is erased',
      schema: z.strictObject({ ...person, until: z.iso.datetime().optional() }),
      prepare: async (payload) => {
        const subject = subjectOf(payload)
        return { payload, about: subject.userId, subject, owners: [] }
      },
      carryOut: async ({ id, payload, reason }, tx, record) => {
        const subject = subjectOf(payload)
        const until =
          payload['until'] === undefined ? undefined : Date.parse(text(payload, 'until'))
        const hold = newId()
        await legalHolds.insert(
          {
            id: hold,
            ...subject,
            from: clock.now(),
            approval: id,
            ...(until === undefined ? {} : { until }),
          },
          tx,
        )
        await record({
          entry: {
            type: 'hold.placed',
            hold,
            source: subject.sourceId,
            ...(until === undefined ? {} : { expires: iso(until) }),
          },
          said: { subject, reason },
          approval: id,
        })
      },
    },

    'release-hold': {
      title: 'End a legal hold',
      schema: z.strictObject({ holdId: idField }),
      prepare: async (payload) => {
        const hold = await legalHolds.hold(text(payload, 'holdId'))
        if (hold === null || hold.releasedAt !== undefined) throw missing('legal hold')
        const { id, sourceId, userId } = hold
        return { payload, about: id, subject: { sourceId, userId }, owners: [] }
      },
      carryOut: async ({ id, payload, reason }, tx, record) => {
        const hold = text(payload, 'holdId')
        if (!(await legalHolds.release(hold, clock.now(), tx))) throw missing('legal hold')
        await record({ entry: { type: 'hold.released', hold }, said: { reason }, approval: id })
      },
    },

    'remove-app': {
      title: 'Cover nobody by this app any more. What is open there stays owed and worked on',
      schema: z.strictObject({
        appId: idField,
        unreachable: z
          .boolean()
          .default(false)
          .meta({ description: 'The app is gone: accept that nobody can list who is still in it' }),
      }),
      prepare: async (payload, signal) => {
        const app = await existingApp(text(payload, 'appId'))
        const inventory =
          payload['unreachable'] === true
            ? { complete: false, count: 0, root: EMPTY_ROOT }
            : await inventoryOf(parts.runner, app, signal)
        return {
          payload: { ...payload, inventory: { ...inventory } },
          about: app.id,
          owners: app.owners,
        }
      },
      carryOut: async ({ id, payload, reason }, tx, record) => {
        const app = text(payload, 'appId')
        await changeApp(app, { removedAt: clock.now() }, tx)
        const open = (await openOf({ appId: app })).length
        const inventory = payload['inventory'] as { complete: boolean; count: number; root: string }
        await record({
          entry: { type: 'app.removed', app, inventory, open },
          said: { reason },
          approval: id,
        })
      },
      after: () => apps.invalidate(),
    },

    'lower-class': {
      title: 'Give an app a laxer class, with longer deadlines',
      schema: z.strictObject({ appId: idField, class: z.literal([1, 2, 3]) }),
      prepare: async (payload) => {
        const app = await existingApp(text(payload, 'appId'))
        const to = Number(payload['class'])
        if (to <= app.class) {
          throw invalid([
            { pointer: '/payload/class', message: 'is no laxer class; change the app itself' },
          ])
        }
        return { payload: { ...payload, from: app.class }, about: app.id, owners: app.owners }
      },
      carryOut: async ({ id, payload, reason }, tx, record) => {
        const to = Number(payload['class']) as AppRecord['class']
        const app = text(payload, 'appId')
        const before = await changeApp(app, { class: to }, tx)
        await record({
          entry: { type: 'app.changed', app, fields: ['class'], class: { from: before.class, to } },
          said: { after: { class: to }, reason },
          approval: id,
        })
      },
      after: () => apps.invalidate(),
    },

    'resume-storm': {
      title: 'Let the held departures of a source go on',
      schema: z.strictObject({ sourceId: sourceIdField }),
      prepare: async (payload) => {
        const sourceId = text(payload, 'sourceId')
        const storm = (await parts.storms?.storm(sourceId)) ?? null
        if (storm === null) throw missing('held storm of this source')
        const { id: stormId, departures } = storm
        return { payload: { ...payload, stormId, departures }, about: sourceId, owners: [] }
      },
      carryOut: async ({ id, payload, reason }, tx, record) => {
        const storm = text(payload, 'stormId')
        const resumed = (await parts.storms?.resume(storm, tx)) ?? 0
        const source = text(payload, 'sourceId')
        await record({
          entry: { type: 'storm.resumed', storm, source, resumed },
          said: { reason },
          approval: id,
        })
      },
    },

    erase: {
      title: 'Erase what a closed case says about its person. There is no way back',
      schema: z.strictObject({ offboardingId: idField }),
      prepare: async (payload) => {
        const id = text(payload, 'offboardingId')
        const found = await revocations.offboarding(id)
        if (found === null) throw missing('case')
        if (found.state !== 'closed') {
          throw new HubError('ERR_CONFLICT', 'the case is open; it can be erased when it is closed')
        }
        const { sourceId, userId } = found
        if (await legalHolds.isHeld(sourceId, userId, clock.now())) throw held()
        return { payload, about: id, subject: { sourceId, userId }, owners: [] }
      },
      carryOut: async ({ id, payload, reason, subject }, tx, record) => {
        const about = text(payload, 'offboardingId')
        if (
          subject !== undefined &&
          (await legalHolds.isHeld(subject.sourceId, subject.userId, clock.now(), tx))
        ) {
          throw held()
        }
        if (!(await parts.erasure.eraseCase(about, tx))) {
          throw new HubError('ERR_CONFLICT', 'the case was erased before')
        }
        await record({
          entry: { type: 'admin.acted', kind: 'case.erase', about },
          said: { reason },
          approval: id,
        })
      },
    },
  }
}

const missing = (what: string): HubError =>
  new HubError('ERR_NOT_FOUND', `there is no such ${what}`)

const held = (): HubError =>
  new HubError('ERR_CONFLICT', 'this person is under legal hold: nothing is erased')

/** The root over nothing. RFC 9162 §2.1.1 */
const EMPTY_ROOT = createHash('sha256').digest('hex')
