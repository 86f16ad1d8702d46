import { z } from 'zod'
import type { AppRecord, Revocation } from '../revocation/types.ts'
import { CLOSED_STATES } from '../revocation/types.ts'
import { type Instant, iso } from '../shared/clock.ts'
import { instantField, instants, present } from './fields.ts'

/** A revocation as people see it. */
export const revocationAnswer = z.object({
  id: z.string(),
  offboardingId: z.string(),
  sourceId: z.string(),
  userId: z.string(),
  appId: z.string(),
  appName: z.string().optional(),
  facet: z.string(),
  generation: z.int(),
  class: z.int(),
  owners: z.array(z.string()),
  state: z.enum([
    'due',
    'acting',
    'settling',
    'verified',
    'proven',
    'human',
    'waived',
    'superseded',
  ]),
  open: z.boolean().meta({ description: 'Is something still owed?' }),
  overdue: z.boolean(),
  reason: z.string().optional().meta({ description: 'Why a person must act; see the runbook' }),
  fault: z.string().optional(),
  heldBy: z
    .string()
    .optional()
    .meta({ description: 'Id of the storm that holds it until two persons let it go on' }),
  verdict: z
    .object({
      grade: z.enum(['A', 'B', 'C', 'F']),
      kind: z.enum(['dead', 'absent', 'contradicted', 'unobservable']),
      at: instantField,
      residualUntil: instantField.optional(),
    })
    .optional(),
  attempts: z.int(),
  openedAt: instantField,
  deadlineAt: instantField,
  updatedAt: instantField,
  provenAt: instantField.optional(),
  assignee: z.string().optional().meta({ description: 'Who takes care of it' }),
  attestation: z
    .object({
      at: instantField,
      by: z.string(),
      sha256: z.string(),
      sizeBytes: z.int().optional(),
      act: z.string().meta({ description: 'Id in the audit trail' }),
    })
    .optional()
    .meta({ description: "A person's word: grade C, proves nothing" }),
  waiver: z
    .object({
      at: instantField,
      until: instantField,
      approval: z.string(),
      endedAt: instantField.optional(),
    })
    .optional(),
  looked: z
    .object({ at: instantField, seen: z.enum(['gone', 'live', 'unknown', 'moot']) })
    .optional()
    .meta({ description: 'The last look after the proof' }),
  entry: z.object({ index: z.int(), leafHash: z.string() }).optional(),
})
export type RevocationAnswer = z.infer<typeof revocationAnswer>

/**
 * @param now decides what is overdue
 * @param apps by id: their names, and who answers for them now
 */
export function showRevocation(
  revocation: Revocation,
  now: Instant,
  apps: AppsById,
): RevocationAnswer {
  const { verdict, entry, reason, fault, heldBy } = revocation
  const app = apps.get(revocation.appId)
  const open = isOwed(revocation)
  return {
    id: revocation.id,
    offboardingId: revocation.offboardingId,
    sourceId: revocation.sourceId,
    userId: revocation.userId,
    appId: revocation.appId,
    ...present({ appName: app?.name }),
    facet: revocation.facet,
    generation: revocation.generation,
    class: revocation.class,
    owners: [...(app?.owners ?? [])],
    state: revocation.state,
    open,
    overdue: open && revocation.deadlineAt < now,
    ...(reason === undefined ? {} : { reason }),
    ...(fault === undefined ? {} : { fault }),
    ...present({ heldBy }),
    ...(verdict === undefined
      ? {}
      : {
          verdict: {
            grade: verdict.grade,
            kind: verdict.kind,
            at: iso(verdict.at),
            ...instants({ residualUntil: verdict.residualUntil }),
          },
        }),
    attempts: revocation.attempts,
    openedAt: iso(revocation.openedAt),
    deadlineAt: iso(revocation.deadlineAt),
    updatedAt: iso(revocation.updatedAt),
    ...instants({ provenAt: revocation.provenAt }),
    ...present({ assignee: revocation.assignee }),
    ...showNotes(revocation),
    ...(entry === undefined ? {} : { entry: { index: entry.index, leafHash: entry.leafHash } }),
  }
}

function showNotes({
  attestation,
  waiver,
  looked,
}: Revocation): Pick<RevocationAnswer, 'attestation' | 'waiver' | 'looked'> {
  return {
    ...(looked === undefined ? {} : { looked: { at: iso(looked.at), seen: looked.seen } }),
    ...(attestation === undefined
      ? {}
      : {
          attestation: {
            at: iso(attestation.at),
            by: attestation.by,
            ...present(attestation.artifact),
            sha256: attestation.artifact.sha256,
            act: attestation.act,
          },
        }),
    ...(waiver === undefined
      ? {}
      : {
          waiver: {
            at: iso(waiver.at),
            until: iso(waiver.until),
            approval: waiver.approval,
            ...instants({ endedAt: waiver.endedAt }),
          },
        }),
  }
}

/** Something is still owed. */
export function isOwed(revocation: Pick<Revocation, 'state'>): boolean {
  return !CLOSED_STATES.includes(revocation.state)
}

/** Apps as answers name them. One that is not there is nobody's. */
export type AppsById = ReadonlyMap<string, Pick<AppRecord, 'name' | 'owners'>>

/** Apps by id, removed ones too, for answers about many revocations. */
export async function appsById(apps: { all(): Promise<readonly AppRecord[]> }): Promise<AppsById> {
  return new Map((await apps.all()).map((app) => [app.id, app]))
}
