import { z } from 'zod'
import type { ExemptionStore } from '../auth/approval-store.ts'
import type { DirectoryStore } from '../directory/store.ts'
import type { RevocationReader } from '../revocation/reader.ts'
import type { AppRecord, Revocation } from '../revocation/types.ts'
import { type WaiveDeps, waive } from '../revocation/waive.ts'
import { type Clock, iso } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { newId } from '../shared/ids.ts'
import type { JsonObject } from '../shared/json.ts'
import {
  type ApprovalAct,
  existingApp,
  missing,
  personFields,
  subjectIn,
  textIn,
  untilField,
  untilIn,
} from './approval-act.ts'
import { idField, present } from './fields.ts'
import { personRevocations } from './person-revocations.ts'
import { isOwed } from './revocation-answer.ts'

export interface WaiverActsParts {
  revocations: Pick<RevocationReader, 'revocation' | 'list'>
  directory: Pick<DirectoryStore, 'user'>
  apps: { app(id: string): Promise<AppRecord | null> }
  exemptions: Pick<ExemptionStore, 'exemption' | 'insert' | 'end'>
  waiving: WaiveDeps
  clock: Clock
}

/** To live with access that should be gone: of one revocation, or of one person. */
export function waiverActs(
  parts: WaiverActsParts,
): Record<'waive' | 'exempt' | 'end-exemption', ApprovalAct> {
  const { revocations, exemptions, clock } = parts

  const owedRevocation = async (id: string): Promise<Revocation> => {
    const revocation = await revocations.revocation(id)
    if (revocation === null) throw missing('revocation')
    if (!isOwed(revocation)) throw new HubError('ERR_CONFLICT', 'nothing is owed of it any more')
    return revocation
  }
  const knownPerson = async (payload: JsonObject) => {
    const subject = subjectIn(payload)
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
        const revocation = await owedRevocation(textIn(payload, 'revocationId'))
        untilIn(payload, clock.now())
        const { id, sourceId, userId, appId } = revocation
        const owners = (await parts.apps.app(appId))?.owners ?? []
        return { payload, about: id, subject: { sourceId, userId }, owners }
      },
      carryOut: async ({ id, payload, reason, proposedBy, decidedBy }, tx) => {
        const revocation = await owedRevocation(textIn(payload, 'revocationId'))
        const decision = {
          until: untilIn(payload, clock.now()),
          approval: id,
          approvedBy: [proposedBy.person, decidedBy.person] as const,
          reason,
        }
        await waive(parts.waiving, revocation, decision, tx)
      },
    },

    exempt: {
      title: 'Do not revoke this person in this app, or in no app, for a time',
      schema: z.strictObject({ ...personFields, appId: idField.optional(), until: untilField }),
      prepare: async (payload) => {
        const subject = await knownPerson(payload)
        untilIn(payload, clock.now())
        const app = payload['appId'] === undefined ? undefined : textIn(payload, 'appId')
        const owners = app === undefined ? [] : (await existingApp(parts.apps, app)).owners
        return { payload, about: subject.userId, subject, owners }
      },
      carryOut: async (approval, tx, record) => {
        const { payload, reason, proposedBy, decidedBy } = approval
        const subject = subjectIn(payload)
        const now = clock.now()
        const until = untilIn(payload, now)
        const app = payload['appId'] === undefined ? {} : { appId: textIn(payload, 'appId') }
        const exemption = newId()
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
        const open = await personRevocations(revocations, { ...subject, ...app, open: true })
        for (const revocation of open.filter(isOwed)) {
          await waive(parts.waiving, revocation, decision, tx)
        }
      },
    },

    'end-exemption': {
      title: 'Take an exemption back before its time',
      schema: z.strictObject({ exemptionId: idField }),
      prepare: async (payload) => {
        const exemption = await exemptions.exemption(textIn(payload, 'exemptionId'))
        if (exemption === null || exemption.endedAt !== undefined) throw missing('exemption')
        const { id, sourceId, userId } = exemption
        return { payload, about: id, subject: { sourceId, userId }, owners: [] }
      },
      carryOut: async ({ id, payload, reason }, tx, record) => {
        const exemption = textIn(payload, 'exemptionId')
        if (!(await exemptions.end(exemption, clock.now(), tx))) throw missing('exemption')
        await record({
          entry: { type: 'exemption.ended', exemption, because: 'withdrawn' },
          said: { reason },
          approval: id,
        })
      },
    },
  }
}
