import { join } from 'node:path'
import type { Clock } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { announcements } from './announcements.ts'
import type { OnSealed, PendingEntry } from './intake.ts'
import { buildKeyring } from './keyring.ts'
import {
  type LedgerKeys,
  loadLedgerKeys,
  logRoots,
  manifestKey,
  textOrUndefined,
  workerKey,
} from './keys.ts'
import { createLease, type LeaseStore } from './lease.ts'
import type { LedgerLog } from './log.ts'
import { formatVkey, type Verifier } from './note.ts'
import { createPublisher } from './publisher.ts'
import { createSequencer, type Tick } from './sequencer.ts'
import { createSigner, type Signer, type SigningRefusal } from './signer.ts'
import { createSignerStateFile } from './signer-state.ts'
import type { CheckpointStore, LogReadStore, SequencerStore, StoredCheckpoint } from './store.ts'

/** The `ledger` role of a process. */
export interface Ledger {
  start(): void
  /** Seals what is under way, publishes it, gives the lease back. */
  stop(): Promise<void>
  /** Says that rows are waiting, or will be in a moment. */
  poke(): void
  /** Public keys for auditors, to be handed out by another way than the hub. */
  verifierKeys: { log: string; cosigner: string }
  /** `leading`: this process signs. `refused` names why nothing is published. */
  status(): { leading: boolean; refused: SigningRefusal | undefined }
  /** One round without the loop; for tests and tools. */
  tick(): Promise<Tick>
  publish(): Promise<StoredCheckpoint | undefined>
}

/**
 * A checkpoint that a person kept elsewhere and puts here, when the signer's memory is lost: the log is taken
 * up again if it still holds this one. Read at start; without effect while the memory is there.
 */
const ADOPT = 'adopt-checkpoint'

/** How long nobody must have signed before a process signs that does not seal. */
const STAND_IN_AFTER_MS = 2_000

interface SigningOptions {
  origin: string
  store: LogReadStore & CheckpointStore & { keyLeaves(): Promise<Buffer[]> }
  /** Keys and memory of the signer: outside of the database and of its backups; must outlive the process. */
  directory: string
  /** 32 bytes; the keys that entries and manifests are signed with derive from it, their public halves are announced. */
  masterKey: Buffer
  /** Coming or former ones: what was signed with their keys is sealed too. */
  otherMasterKeys?: readonly Buffer[]
  software: string
  clock: Clock
  log: LedgerLog
}

interface SealingOptions {
  origin: string
  store: SequencerStore
  onSealed: OnSealed
  clock: Clock
  holder: string
  log: LedgerLog
  batch?: number
  leaseMs?: number
  idleMs?: () => number
}

/**
 * Both roles in one process: the sequencer, the signer with its keys and memory from `directory`, the publisher.
 *
 * @throws HubError ERR_LEDGER when the keys here are not those that began this log
 */
export async function createLedger(options: SigningOptions & SealingOptions): Promise<Ledger> {
  const { clock, log } = options
  const { signer, keys, verifierKeys, announced } = await signing(options)
  const sequencer = createSequencer({
    ...options,
    known: workerKey(options.masterKey),
    logKeys: logRoots([keys.log.verifier, ...keys.former]),
    announcements: announced,
    onGrowth: () => publisher.poke(),
  })
  const lease = createLease({ ...options, task: 'signing' })
  /** Whoever seals signs too. Where a process seals that has no key, another one signs. */
  const leading = async (): Promise<boolean> =>
    (await lease.hold(sequencer.leading() ? 0 : STAND_IN_AFTER_MS)) !== 'away'
  const publisher = createPublisher({
    signer,
    store: options.store,
    clock,
    log,
    leading,
    alone: () => !sequencer.leading(),
  })
  return {
    start: () => {
      sequencer.start()
      publisher.start()
    },
    stop: async () => {
      await sequencer.finish()
      await publisher.stop()
      await lease.release()
      await sequencer.stop()
    },
    poke: () => sequencer.poke(),
    verifierKeys,
    status: () => ({ leading: lease.held(), refused: publisher.refused() }),
    tick: () => sequencer.tick(),
    publish: async () => ((await leading()) ? await publisher.publish() : undefined),
  }
}

/**
 * The sequencer without a signer: it holds no key. What it seals, the signer of another process reads and signs.
 *
 * @param options.logKeys public keys of the log, which decide whose announcements count
 * @param options.masterKey 32 bytes; lets it know the rows of this hub without a look at each signature
 */
export function createSealing(
  options: SealingOptions & { logKeys: readonly Verifier[]; masterKey?: Buffer },
): Pick<Ledger, 'start' | 'stop' | 'poke' | 'tick'> {
  const logKeys = logRoots(options.logKeys)
  const { masterKey } = options
  const sequencer = createSequencer({
    ...options,
    ...(masterKey === undefined ? {} : { known: workerKey(masterKey) }),
    logKeys,
    announcements: [],
  })
  return {
    start: () => sequencer.start(),
    stop: () => sequencer.stop(),
    poke: () => sequencer.poke(),
    tick: () => sequencer.tick(),
  }
}

/**
 * The signer without a sequencer. It reads entries, writes checkpoints, and puts the announcements of its keys
 * into the intake; nothing else.
 *
 * @param options.announce puts entries into the intake, before all others, once
 */
export async function createSigning(
  options: Omit<SigningOptions, 'store'> & {
    store: SigningOptions['store'] & LeaseStore
    /** This process. */
    holder: string
    leaseMs?: number
    announce: (entries: readonly PendingEntry[]) => Promise<void>
  },
): Promise<Pick<Ledger, 'start' | 'stop' | 'publish' | 'verifierKeys' | 'status'>> {
  const { store, clock, log } = options
  const { signer, verifierKeys, announced } = await signing(options)
  await options.announce(announced)
  const lease = createLease({ ...options, task: 'signing' })
  const leading = async (): Promise<boolean> => (await lease.hold()) !== 'away'
  const publisher = createPublisher({
    signer,
    store,
    clock,
    log,
    leading,
    alone: () => true,
  })
  return {
    start: () => publisher.start(),
    stop: async () => {
      await publisher.stop()
      await lease.release()
    },
    publish: async () => ((await leading()) ? await publisher.publish() : undefined),
    verifierKeys,
    status: () => ({ leading: lease.held(), refused: publisher.refused() }),
  }
}

async function signing(options: SigningOptions): Promise<{
  signer: Signer
  keys: LedgerKeys
  verifierKeys: Ledger['verifierKeys']
  announced: PendingEntry[]
}> {
  const { origin, store, directory, clock } = options
  const keys = await loadLedgerKeys(directory, origin)
  const head = await store.head()
  const leaves = await store.keyLeaves()
  const roots = logRoots([keys.log.verifier, ...keys.former])
  const { refused } = await buildKeyring(roots, leaves)
  if (head.edge.size > 0 && refused.length === leaves.length) {
    throw new HubError(
      'ERR_LEDGER',
      `the log ${origin} was begun with another key than ${join(directory, 'log.key')}; put that key back`,
    )
  }
  const adopt = await textOrUndefined(join(directory, ADOPT))
  const signer = createSigner({
    origin,
    keys,
    store,
    clock,
    state: createSignerStateFile(join(directory, 'signer-state.json')),
    ...(adopt === undefined ? {} : { adopt }),
  })
  const announced = await announcements({
    origin,
    keys,
    others: [options.masterKey, ...(options.otherMasterKeys ?? [])].flatMap((key) => [
      workerKey(key),
      manifestKey(key),
    ]),
    software: options.software,
    size: head.edge.size,
    now: clock.now(),
  })
  const verifierKeys = {
    log: formatVkey(keys.log.verifier),
    cosigner: formatVkey(keys.cosigner.verifier),
  }
  return { signer, keys, verifierKeys, announced }
}
