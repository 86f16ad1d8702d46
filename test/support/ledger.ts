import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Connection } from 'mongoose'
import { commit } from '../../src/ledger/commitment.ts'
import type { EntryBody } from '../../src/ledger/entries.ts'
import type { EntryWriter, OnSealed, PendingEntry } from '../../src/ledger/intake.ts'
import { workerKey } from '../../src/ledger/keys.ts'
import { createEntryWriter } from '../../src/ledger/leaf.ts'
import type { LedgerLog } from '../../src/ledger/log.ts'
import { createLedgerReader } from '../../src/ledger/reader.ts'
import { createLedger, type Ledger } from '../../src/ledger/start-ledger.ts'
import { type Clock, iso, systemClock } from '../../src/shared/clock.ts'
import {
  createLedgerIntake,
  createLedgerStore,
  prepareLedger,
} from '../../src/storage/ledger-store.ts'
import { createTransactor } from '../../src/storage/transaction.ts'

export const ORIGIN = 'ledger.example.com/test'

/** A ledger on a database, with everything a test needs around it. */
export async function ledgerOn(
  connection: Connection,
  options: {
    onSealed?: OnSealed
    clock?: Clock
    directory?: string
    masterKey?: Buffer
    batch?: number
    holder?: string
    idleMs?: () => number
  } = {},
) {
  await prepareLedger(connection)
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'quittance-ledger-')))
  const masterKey = options.masterKey ?? randomBytes(32)
  const clock = options.clock ?? systemClock
  const store = createLedgerStore(connection, ORIGIN)
  const logged: { level: string; fields: Record<string, unknown>; message: string }[] = []
  const logAt = (level: string) => (fields: object, message: string) => {
    logged.push({ level, fields: fields as Record<string, unknown>, message })
  }
  const log: LedgerLog = { info: logAt('info'), warn: logAt('warn'), error: logAt('error') }
  const ledger: Ledger = await createLedger({
    origin: ORIGIN,
    store,
    directory,
    masterKey,
    software: 'quittance@0.0.0-test',
    onSealed: options.onSealed ?? (async () => {}),
    clock,
    holder: options.holder ?? 'test',
    log,
    ...(options.batch === undefined ? {} : { batch: options.batch }),
    ...(options.idleMs === undefined ? {} : { idleMs: options.idleMs }),
  })
  const writer = createEntryWriter({ origin: ORIGIN, ...workerKey(masterKey) })
  const intake = createLedgerIntake(connection, clock)
  const { transaction } = createTransactor(connection)
  return {
    ledger,
    store,
    directory,
    masterKey,
    writer,
    logged,
    log,
    reader: createLedgerReader({ origin: ORIGIN, store }),
    enqueue: (entries: readonly PendingEntry[]) => transaction((tx) => intake.enqueue(entries, tx)),
    /** Seals and publishes everything that waits. */
    settle: async () => {
      while ((await ledger.tick()).kind === 'sealed');
      return await ledger.publish()
    },
    cleanUp: () => rm(directory, { recursive: true, force: true }),
  }
}

const at = iso(Date.UTC(2026, 10, 22, 2))
const caseKey = Buffer.alloc(32, 5)

/** A well-formed proof of one revocation. */
export function verifiedEntry(
  writer: EntryWriter,
  revocation: string,
  more: Partial<Extract<EntryBody, { type: 'revocation.verified' }>> = {},
): PendingEntry {
  const body = {
    type: 'revocation.verified',
    v: 1,
    log: writer.origin,
    at,
    account: commit(caseKey, `revocation.verified:${revocation}`, 'account', Buffer.from('a1')),
    after: {
      at,
      c: commit(caseKey, `revocation.verified:${revocation}`, 'after.c', Buffer.from('{}')),
      method: 'GET',
      state: 'dead',
      status: 200,
      witness: true,
    },
    app: 'crm',
    attempts: { count: 1, first: at, last: at },
    connector: 'scim2@1.0.0',
    facet: 'account',
    generation: 1,
    grade: 'B',
    kind: 'dead',
    offboarding: 'o1',
    revocation,
    ...more,
  } satisfies EntryBody
  return writer.write(body)
}
