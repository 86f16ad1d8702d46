import { generateKeyPairSync } from 'node:crypto'
import type { Connection } from 'mongoose'
import type { FacetSpec } from '../../src/connector-sdk/contract.ts'
import { createDirectory } from '../../src/intake/create-directory.ts'
import type { ChangeCall } from '../../src/intake/directory.ts'
import type { UserChangeDeps } from '../../src/intake/user-changes.ts'
import { createEntryWriter } from '../../src/ledger/leaf.ts'
import type { AppRecord, AppScope } from '../../src/revocation/types.ts'
import { systemClock } from '../../src/shared/clock.ts'
import { newId } from '../../src/shared/ids.ts'
import { createAppStore, prepareApps } from '../../src/storage/app-store.ts'
import { prepareDirectory } from '../../src/storage/directory-models.ts'
import { createDirectoryStore } from '../../src/storage/directory-store.ts'
import { prepareLanes } from '../../src/storage/lane-models.ts'
import { createLaneStore } from '../../src/storage/lane-store.ts'
import { prepareLedger } from '../../src/storage/ledger-collections.ts'
import { createLedgerIntake } from '../../src/storage/ledger-intake-store.ts'
import { prepareRevocations } from '../../src/storage/revocation-models.ts'
import { createRevocationStore } from '../../src/storage/revocation-store.ts'
import { createTransactor } from '../../src/storage/transaction.ts'
import { createVault } from '../../src/vault/vault.ts'

export const ACCOUNT: FacetSpec = {
  facet: 'account',
  enumerate: 'complete',
  revoke: 'api',
  observe: 'strong',
  settleMs: 0,
  residualMs: 0,
  reversible: true,
}

/** The intake on its real stores, without HTTP and without a worker. */
export async function intakeOn(connection: Connection) {
  await prepareDirectory(connection)
  await prepareApps(connection)
  await prepareLanes(connection)
  await prepareRevocations(connection)
  await prepareLedger(connection)
  const { privateKey } = generateKeyPairSync('ed25519')
  const store = createDirectoryStore(connection)
  const apps = createAppStore(connection)
  const lanes = createLaneStore(connection)
  const revocations = createRevocationStore(connection)
  let committed = 0
  const deps: UserChangeDeps = {
    store,
    apps,
    lanes,
    revocations,
    ledger: createLedgerIntake(connection),
    entries: createEntryWriter({ origin: 'test/ledger', kid: 'worker-test', privateKey }),
    vault: createVault(Buffer.alloc(32, 1)),
    transactor: createTransactor(connection),
    clock: systemClock,
    newId,
    facetsOf: () => [ACCOUNT],
    onCommitted: () => {
      committed++
    },
  }
  const directory = createDirectory(deps)
  return {
    deps,
    directory,
    store,
    apps,
    lanes,
    revocations,
    committed: () => committed,
    register: async (name: string, scope: AppScope = { kind: 'everyone' }): Promise<string> => {
      const app: AppRecord = {
        id: newId(),
        name,
        connectorId: 'scim',
        config: {},
        scope,
        class: 2,
        owners: ['owner@example.com'],
        state: 'active',
        allowNetworks: [],
        createdAt: 0,
        updatedAt: 0,
        version: 1,
      }
      await apps.insert(app)
      apps.invalidate()
      return app.id
    },
  }
}

export function aCall(sourceId: string, more: Partial<ChangeCall> = {}): ChangeCall {
  return {
    sourceId,
    cause: { kind: 'scim.patch', requestId: newId(), receivedAt: Date.now() },
    ...more,
  }
}
