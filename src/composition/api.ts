import type { Router } from 'express'
import type { ActRecorder } from '../api/acts.ts'
import { type ApiResources, createApiRouter } from '../api/create-api-router.ts'
import type { AdminAuthenticator } from '../auth/admin-authenticator.ts'
import type { SourceAuthenticator } from '../auth/source-authenticator.ts'
import type { StandingPort } from '../auth/standing.ts'
import { amendCase } from '../intake/amend.ts'
import { openByHand } from '../intake/open-by-hand.ts'
import { cancelLeave, scheduleLeave } from '../intake/scheduled-leave.ts'
import type { UserChangeDeps } from '../intake/user-changes.ts'
import { createCertificateMaker } from '../ledger/certificate.ts'
import { certificatePolicy } from '../ledger/certificate-policy.ts'
import { manifestKey } from '../ledger/keys.ts'
import type { LedgerReader } from '../ledger/reader.ts'
import { createLaneDesk } from '../revocation/lane-desk.ts'
import { systemClock } from '../shared/clock.ts'
import type { Transaction, Transactor } from '../shared/transaction.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { VERSION } from '../version.ts'
import type { Parts } from './parts.ts'
import { stormDesk } from './storms.ts'

/** What of one process the API is made of. */
export type ApiParts = Pick<
  Parts,
  'stores' | 'vault' | 'entries' | 'secrets' | 'connectors' | 'runner' | 'publicUrl'
> & {
  changes: UserChangeDeps
  /** Work may be due. */
  poke(): void
}

export interface ApiRooms {
  sourceAuthenticator: SourceAuthenticator & { invalidate(sourceId: string): void }
  reader: LedgerReader
  acts: ActRecorder
  standing: StandingPort
}

/** /api/v1: what people and their programs do. */
export function createApi(
  parts: ApiParts & Pick<Parts, 'log'>,
  rooms: ApiRooms & { authenticator: AdminAuthenticator; metrics: Metrics },
): Router {
  const { stores, vault, log } = parts
  const { authenticator, acts, metrics } = rooms
  return createApiRouter(apiResources(parts, rooms), {
    authenticator,
    acts,
    transactor: stores.transactor,
    idempotency: stores.idempotency,
    vault,
    clock: stores.clock,
    log,
    metrics,
  })
}

/** What stands behind the routes. */
export function apiResources(parts: ApiParts, rooms: ApiRooms): ApiResources {
  const { stores, changes, poke } = parts
  const { reader, acts, standing } = rooms
  const desk = createLaneDesk({ lanes: stores.lanes, clock: stores.clock, onChanged: poke })
  return {
    ...stores,
    acts,
    standing,
    sourceAuthenticator: rooms.sourceAuthenticator,
    connectors: parts.connectors,
    runner: parts.runner,
    ledger: reader,
    certificates: createCertificateMaker({
      source: stores.certificateSource,
      manifestKey: manifestKey(parts.secrets.masterKey),
      policy: async () => certificatePolicy(await reader.verifierKeys()),
      now: systemClock.now,
    }),
    byHand: {
      openByHand: ({ transactor, ...request }) => openByHand({ ...changes, transactor }, request),
    },
    amending: {
      amend: ({ transactor, ...request }) => {
        const { revocations: cases, caseKeys } = stores
        const { wrappedCaseKey } = caseKeys
        return amendCase({ ...changes, transactor, cases, wrappedCaseKey }, request)
      },
    },
    planned: {
      schedule: ({ transactor, ...request }) =>
        scheduleLeave({ ...changes, leaves: stores.leaves, transactor }, request),
      cancel: ({ transactor, ...request }) =>
        cancelLeave({ ...changes, leaves: stores.leaves, transactor }, request),
    },
    desk,
    waiving: { ...stores, desk, entries: parts.entries, ledger: stores.intake },
    storms: stormDesk(parts),
    erasure: {
      eraseCase: (id, tx) =>
        stores.erasure({ entries: parts.entries, transactor: within(tx) }).eraseCase(id),
    },
    groupExists: async (sourceId, groupId) =>
      (await stores.directory.group(sourceId, groupId)) !== null,
    sourceExists: async (id) => (await stores.sources.source(id)) !== null,
    facetsOf: changes.facetsOf,
    version: VERSION,
    poke,
    publicUrl: parts.publicUrl,
    clock: stores.clock,
  }
}

/** A transaction that is open already. */
const within = (tx: Transaction): Transactor => ({ transaction: (work) => work(tx) })
