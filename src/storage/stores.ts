import type { Connection } from 'mongoose'
import { withOwners } from '../alerts/app-owners.ts'
import type { EntryWriter } from '../ledger/intake.ts'
import type { Transactor } from '../shared/transaction.ts'
import type { Vault } from '../vault/vault.ts'
import { createApiTokenStore, prepareApiTokens } from './admin-store.ts'
import { createDeliveryStore, prepareDeliveries } from './alert-delivery-store.ts'
import { createSecretExpiryStore, prepareSecretExpiries } from './alert-secret-expiry-store.ts'
import { createAlertStore, prepareAlerts } from './alert-store.ts'
import { createAppStore, prepareApps } from './app-store.ts'
import { createApprovalStore, prepareApprovals } from './approval-store.ts'
import { createEventSource } from './audit-events.ts'
import { createAuditStore, prepareAudit } from './audit-store.ts'
import { refuseUnfinishedRestore } from './backup.ts'
import { createCaseKeyStore } from './case-key-store.ts'
import { prepareDirectory } from './directory-models.ts'
import { createDirectoryStore } from './directory-store.ts'
import { createEvidenceStore, prepareEvidence } from './evidence-store.ts'
import { createExemptionStore, createLegalHoldStore, prepareExemptions } from './exemption-store.ts'
import { createGaugeStore } from './gauge-store.ts'
import { createIdempotencyStore, prepareIdempotency } from './idempotency-store.ts'
import { prepareLanes } from './lane-models.ts'
import { createLaneStore } from './lane-store.ts'
import { createCertificateSource } from './ledger-certificate-source.ts'
import { prepareLedger } from './ledger-collections.ts'
import { createErasure } from './ledger-erasure.ts'
import { createLedgerIntake } from './ledger-intake-store.ts'
import { createLedgerStore } from './ledger-store.ts'
import { createMailboxes, prepareMail } from './mailbox-store.ts'
import { checkMasterKey } from './master-key.ts'
import { createPeopleSearch } from './people-search.ts'
import { preparePatiently } from './prepare-patiently.ts'
import { createReportStore } from './report-store.ts'
import { createRevocationDesk } from './revocation-desk-store.ts'
import { prepareRevocations } from './revocation-models.ts'
import { createRevocationStore } from './revocation-store.ts'
import { createLeaveStore, prepareScheduledLeaves } from './scheduled-leave-store.ts'
import { createSecretStore, prepareSecrets } from './secret-store.ts'
import { createServerClock } from './server-clock.ts'
import { createSessionStore, prepareSessions } from './session-store.ts'
import { createAssertionStore, prepareAssertions } from './source-assertion-store.ts'
import { feedsOf } from './source-feeds.ts'
import { createHeartbeatStore, prepareHeartbeats } from './source-heartbeat-store.ts'
import { createSourceStore, prepareSources } from './source-store.ts'
import { createStormStore, prepareStorms } from './storm-store.ts'
import { createTransactor } from './transaction.ts'
import { createWatchStore } from './watch-store.ts'

/**
 * Creates collections and indexes (safe to repeat, and from several processes at once), checks that the
 * master key is the one that this database was sealed with, and opens all stores.
 *
 * @param options.onWait told while indexes are built on large collections
 * @throws HubError ERR_MASTER_KEY when the database belongs to another master key
 * @throws HubError ERR_CONFLICT when a restore did not come to its end
 */
export async function openStores(
  connection: Connection,
  options: { vault: Vault; ledgerOrigin: string; onWait?: () => void },
) {
  const { vault, ledgerOrigin } = options
  await refuseUnfinishedRestore(connection)
  // Side by side: each knows its own collections alone.
  await Promise.all(
    [
      prepareSources,
      prepareAssertions,
      prepareHeartbeats,
      prepareApps,
      prepareSecrets,
      prepareMail,
      prepareApiTokens,
      prepareDirectory,
      prepareLanes,
      prepareScheduledLeaves,
      prepareRevocations,
      prepareEvidence,
      prepareAlerts,
      prepareDeliveries,
      prepareSecretExpiries,
      prepareStorms,
      prepareAudit,
      prepareApprovals,
      prepareExemptions,
      prepareSessions,
      prepareIdempotency,
      prepareLedger,
    ].map((prepare) => preparePatiently(connection, prepare, options)),
  )
  await checkMasterKey(connection, vault)
  const clock = await createServerClock(connection)
  const caseKeys = createCaseKeyStore(connection, vault)
  const sources = createSourceStore(connection)
  const heartbeats = createHeartbeatStore(connection)
  const apps = createAppStore(connection)
  const evidence = createEvidenceStore(connection, caseKeys)
  const ledger = createLedgerStore(connection, ledgerOrigin)
  const intake = createLedgerIntake(connection, clock)
  return {
    clock,
    caseKeys,
    transactor: createTransactor(connection),
    sources,
    assertions: createAssertionStore(connection),
    heartbeats,
    feeds: () => feedsOf(sources, heartbeats),
    apps,
    secrets: createSecretStore(connection, vault),
    mailboxOf: createMailboxes(connection, clock),
    apiTokens: createApiTokenStore(connection),
    audit: createAuditStore(connection),
    events: createEventSource(connection),
    reports: createReportStore(connection),
    approvals: createApprovalStore(connection, vault),
    exemptions: createExemptionStore(connection),
    sessions: createSessionStore(connection),
    legalHolds: createLegalHoldStore(connection),
    idempotency: createIdempotencyStore(connection),
    alerts: withOwners(createAlertStore(connection), apps),
    deliveries: createDeliveryStore(connection),
    stormStore: createStormStore(connection),
    /** Beside the secrets: until when they hold. */
    secretExpiries: createSecretExpiryStore(connection),
    directory: createDirectoryStore(connection),
    people: createPeopleSearch(connection),
    lanes: createLaneStore(connection),
    leaves: createLeaveStore(connection),
    revocations: createRevocationStore(connection),
    revocationDesk: createRevocationDesk(connection),
    watch: createWatchStore(connection),
    gauges: createGaugeStore(connection),
    evidence,
    intake,
    /** What the signer announces is sealed before everything that waits. */
    firstIntake: createLedgerIntake(connection, { now: () => 0 }),
    ledger,
    certificateSource: createCertificateSource(connection, { ledger, caseKeys, evidence, apps }),
    /** Erases one case; in which transaction, the caller says. */
    erasure: ({ entries, transactor }: { entries: EntryWriter; transactor: Transactor }) =>
      createErasure(connection, { caseKeys, entries, intake, transactor, clock }),
    /** Throws when storage does not answer. */
    ping: async (): Promise<void> => {
      await connection.getClient().db('admin').command({ ping: 1 })
    },
  }
}
