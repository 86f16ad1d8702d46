import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { announcements } from './announcements.ts'
import type { OnSealed } from './intake.ts'
import { buildKeyring } from './keyring.ts'
import { entryKey, loadLedgerKeys, manifestKey, workerKey } from './keys.ts'
import type { LedgerLog } from './log.ts'
import { formatVkey } from './note.ts'
import { createPublisher } from './publisher.ts'
import { createSequencer, type Tick } from './sequencer.ts'
import { createSigner } from './signer.ts'
import { createSignerStateFile } from './signer-state.ts'
import type { CheckpointStore, LogReadStore, SequencerStore, StoredCheckpoint } from './store.ts'

/** The `ledger` role of a process. */
export interface Ledger {
  start(): void
  /** Seals what is under way, publishes it, gives the lease back. */
  stop(): Promise<void>
  /** Says that rows are waiting. */
  poke(): void
  /** Public keys for auditors, to be handed out by another way than the hub. */
  verifierKeys: { log: string; cosigner: string }
  /** Is everything well? `refused` names why nothing is published. */
  status(): { leading: boolean; refused: string | undefined }
  /** One round without the loop; for tests and tools. */
  tick(): Promise<Tick>
  publish(): Promise<StoredCheckpoint | undefined>
}

/**
 * A checkpoint that a person kept elsewhere and puts here, when the signer's memory is lost: the log is taken
 * up again if it still holds this one. Read at start; without effect while the memory is there.
 */
const ADOPT = 'adopt-checkpoint'

/**
 * Puts the ledger role together: keys and the signer's memory from `directory`, the sequencer, the publisher.
 *
 * @param options.directory outside of the database and of its backups; must outlive the process
 * @param options.masterKey 32 bytes; the key that entries are signed with derives from it
 * @throws HubError ERR_LEDGER when the keys here are not those that began this log
 */
export async function createLedger(options: {
  origin: string
  store: SequencerStore & LogReadStore & CheckpointStore
  directory: string
  masterKey: Buffer
  software: string
  onSealed: OnSealed
  clock: Clock
  holder: string
  log: LedgerLog
  batch?: number
  leaseMs?: number
}): Promise<Ledger> {
  const { origin, store, directory, clock, log } = options
  const keys = await loadLedgerKeys(directory, origin)
  const logKey = entryKey('log', keys.log)
  const head = await store.head()
  const leaves = await store.keyLeaves()
  const { refused } = await buildKeyring(logKey, leaves)
  if (head.edge.size > 0 && refused.length === leaves.length) {
    throw new HubError(
      'ERR_LEDGER',
      `the log ${origin} was begun with another key than ${join(directory, 'log.key')}; put that key back`,
    )
  }
  const adopt = await fileText(join(directory, ADOPT))
  const signer = createSigner({
    origin,
    keys,
    store,
    clock,
    state: createSignerStateFile(join(directory, 'signer-state.json')),
    ...(adopt === undefined ? {} : { adopt }),
  })
  const sequencer = createSequencer({
    store,
    origin,
    logKey,
    announcements: announcements({
      origin,
      keys,
      others: [workerKey(options.masterKey), manifestKey(options.masterKey)],
      software: options.software,
      size: head.edge.size,
      now: clock.now(),
    }),
    onSealed: options.onSealed,
    clock,
    holder: options.holder,
    log,
    onGrowth: () => publisher.poke(),
    ...(options.batch === undefined ? {} : { batch: options.batch }),
    ...(options.leaseMs === undefined ? {} : { leaseMs: options.leaseMs }),
  })
  const publisher = createPublisher({
    signer,
    store,
    clock,
    log,
    leading: () => sequencer.leading(),
  })
  return {
    start: () => {
      sequencer.start()
      publisher.start()
    },
    stop: async () => {
      await sequencer.finish()
      await publisher.stop()
      await sequencer.stop()
    },
    poke: () => sequencer.poke(),
    verifierKeys: {
      log: formatVkey(keys.log.verifier),
      cosigner: formatVkey(keys.cosigner.verifier),
    },
    status: () => ({ leading: sequencer.leading(), refused: publisher.refused() }),
    tick: () => sequencer.tick(),
    publish: () => publisher.publish(),
  }
}

async function fileText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
