import { z } from 'zod'
import type { AuditStore } from '../auth/audit-store.ts'
import type { Principal } from '../auth/principal.ts'
import type { LaneDesk } from '../revocation/lane-desk.ts'
import type { RevocationReader } from '../revocation/reader.ts'
import type { RevocationDesk } from '../revocation/revocation-desk.ts'
import type { AppRecord, Revocation } from '../revocation/types.ts'
import type { Clock } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { mayRead, OPERATORS_AND_OWNERS, READERS_AND_OWNERS } from './access.ts'
import type { Act } from './acts.ts'
import { idField, nameField } from './fields.ts'
import { LOOK, refuseTooManyLooks } from './look-allowance.ts'
import { appsById, isOwed, revocationAnswer, showRevocation } from './revocation-answer.ts'
import { type Answer, defineRoute, type Route } from './route.ts'

export interface RevocationActsParts {
  revocations: Pick<RevocationReader, 'revocation'>
  revocationDesk: RevocationDesk
  desk: LaneDesk
  apps: { all(): Promise<AppRecord[]>; app(id: string): Promise<AppRecord | null> }
  audit: Pick<AuditStore, 'list'>
  clock: Clock
}

/** Words for the audit trail. They may name people: they are sealed there. */
export const reasonField = z
  .string()
  .trim()
  .min(3, 'must have at least 3 characters: say why')
  .max(2_000)
const sha256Field = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hex')

const params = z.object({ id: idField })
const answers = { 200: { description: 'The revocation', schema: revocationAnswer } }

/** The fields by which ledger entries name a revocation. */
export function unitOf({ id, appId, facet, offboardingId }: Revocation) {
  return { app: appId, facet, offboarding: offboardingId, revocation: id }
}

/** What a person does about one revocation. An owner does it for their own apps. To waive one, propose it. */
export function revocationActRoutes(parts: RevocationActsParts): Route[] {
  const { revocations, revocationDesk, desk, apps } = parts
  const find = async (id: string, principal: Principal): Promise<Revocation> => {
    const revocation = await revocations.revocation(id)
    const app = revocation && (await apps.app(revocation.appId))
    if (revocation !== null && mayRead(principal, app)) return revocation
    throw new HubError('ERR_NOT_FOUND', 'there is no such revocation')
  }
  const load = async (id: string, principal: Principal): Promise<Revocation> => {
    const revocation = await find(id, principal)
    if (!isOwed(revocation)) throw settled()
    return revocation
  }
  /** What was taken may be owed back to somebody who returned. */
  const loadOpen = async (id: string, principal: Principal): Promise<Revocation> => {
    const revocation = await find(id, principal)
    if (!isOwed(revocation) && !(await desk.isStuck(revocation))) throw settled()
    return revocation
  }
  const answer = async (id: string): Promise<Answer> => {
    const revocation = await revocations.revocation(id)
    if (revocation === null) throw new HubError('ERR_NOT_FOUND', 'there is no such revocation')
    const apps = await appsById(parts.apps)
    return { status: 200, json: showRevocation(revocation, parts.clock.now(), apps) }
  }

  return [
    defineRoute({
      method: 'POST',
      path: '/revocations/{id}/retry',
      summary: 'Try everything open of this person in this app again, now',
      allow: OPERATORS_AND_OWNERS,
      params,
      answers,
      handle: async ({ params: { id }, principal, acts }) => {
        const revocation = await loadOpen(id, principal)
        await acts.in(async (tx, act) => {
          await desk.retry(revocation, tx)
          await act({ entry: { type: 'revocation.retried', ...unitOf(revocation) } })
        })
        desk.poke()
        return await answer(id)
      },
    }),

    defineRoute({
      method: 'POST',
      path: '/revocations/{id}/observe',
      summary:
        'Look again, within a minute, whether it is still gone. Nothing is changed in the app, unless it is back',
      allow: READERS_AND_OWNERS,
      params,
      answers,
      handle: async ({ params: { id }, principal, acts }) => {
        const revocation = await find(id, principal)
        await refuseTooManyLooks(parts, principal.id)
        await acts.in(async (tx, act) => {
          if (!(await revocationDesk.lookAgain(id, parts.clock.now(), tx))) {
            throw new HubError('ERR_CONFLICT', 'nothing is proven of it that could be looked at')
          }
          await act({
            entry: { ...LOOK, about: revocation.id },
          })
        })
        desk.poke()
        return await answer(id)
      },
    }),

    defineRoute({
      method: 'POST',
      path: '/revocations/{id}/assign',
      summary: 'Say who takes care of it; null: nobody in particular. The owners stay answerable',
      allow: OPERATORS_AND_OWNERS,
      params,
      body: z.strictObject({ assignee: nameField.nullable() }),
      answers,
      handle: async ({ params: { id }, body, principal, acts }) => {
        const revocation = await load(id, principal)
        const { assignee } = body
        await acts.in(async (tx, act) => {
          if (!(await revocationDesk.assign(id, assignee ?? undefined, tx))) throw settled()
          const entry: Act['entry'] = { type: 'revocation.assigned', ...unitOf(revocation) }
          await act({ entry, said: { to: assignee ?? '' } })
        })
        return await answer(id)
      },
    }),

    defineRoute({
      method: 'POST',
      path: '/revocations/{id}/attest',
      summary:
        'Say that it was done by hand, with the hash of what shows it. Grade C: proves nothing',
      allow: OPERATORS_AND_OWNERS,
      params,
      body: z.strictObject({
        statement: reasonField.meta({ description: 'What was done, and how you know' }),
        artifact: z.strictObject({
          sha256: sha256Field.meta({ description: 'Of the file; keep the file itself' }),
          sizeBytes: z.int().min(0).optional(),
          name: nameField.optional(),
        }),
      }),
      answers,
      handle: async ({ params: { id }, body, principal, acts }) => {
        const revocation = await load(id, principal)
        const { sha256, sizeBytes } = body.artifact
        await acts.in(async (tx, act) => {
          const entry: Act['entry'] = { type: 'revocation.attested', ...unitOf(revocation) }
          const actId = await act({
            entry,
            said: { reason: body.statement, artifact: body.artifact },
          })
          const attestation = {
            at: parts.clock.now(),
            by: principal.id,
            artifact: { sha256, ...(sizeBytes === undefined ? {} : { sizeBytes }) },
            act: actId,
          }
          if (!(await revocationDesk.attest(id, attestation, tx))) throw settled()
          // What was done by hand may be visible by now: the machine looks again, and may prove it.
          await desk.retry(revocation, tx)
        })
        desk.poke()
        return await answer(id)
      },
    }),
  ]
}

const settled = (): HubError =>
  new HubError('ERR_CONFLICT', 'nothing is owed of this revocation any more')
