import type { X509Certificate } from 'node:crypto'
import { type Clock, HOUR, MINUTE } from '../shared/clock.ts'
import { readCosignatures } from './cosignature.ts'
import { type LedgerLog, silentLog } from './log.ts'
import { type NoteSignature, parseNote } from './note.ts'
import { logOnlyPolicy, type Policy } from './policy.ts'
import { consistencyProof, type ReadTile } from './proofs.ts'
import { repeat } from './repeat.ts'
import type { CheckpointStore, LogReadStore, StoredCheckpoint } from './store.ts'
import { askTimeStamp } from './timestamp.ts'
import { askWitness, type Fetch, type WitnessAddress, withSignatures } from './witness.ts'

/** What others do with each checkpoint after it was published. Sealing and publishing never wait for it. */
export interface Anchors {
  start(): void
  stop(): Promise<void>
  /** One round without the loop; for tests and tools. @returns the newest checkpoint, with what was added */
  round(): Promise<StoredCheckpoint | undefined>
}

const INTERVAL_MS = 2_000
const STAMP_EVERY_MS = HOUR
const STAMP_RETRY_MS = MINUTE

/**
 * Shows every new checkpoint to the witnesses of a policy, and keeps their cosignatures with it. Whether they
 * suffice, the verifier decides by a policy of its own.
 */
export function createAnchors(options: {
  store: LogReadStore & CheckpointStore
  policy: Policy | undefined
  /** A time-stamping authority and the certificates that it is believed under. */
  authority?: { url: string; trusted: readonly X509Certificate[] } | undefined
  clock: Clock
  fetch: Fetch
  log?: LedgerLog
}): Anchors {
  const { store, authority, clock, log = silentLog } = options
  const policy = options.policy ?? logOnlyPolicy([])
  const witnesses = policy.witnesses.flatMap((verifier): WitnessAddress[] => {
    const url = policy.urls.get(verifier)
    return url === undefined ? [] : [{ verifier, url }]
  })
  /** What each witness cosigned last. */
  const since = new Map<WitnessAddress, number>()
  const said = new Map<WitnessAddress, string>()
  let stampAgainAt = 0

  const readTile: ReadTile = async (tile) => {
    const bytes = await store.tile(tile)
    if (bytes === undefined) throw new RangeError(`tile ${tile.level}/${tile.index} is missing`)
    return bytes
  }

  const ask = async (
    witness: WitnessAddress,
    { note, size }: StoredCheckpoint,
  ): Promise<NoteSignature | undefined> => {
    const proof = async (old: number): Promise<string[]> =>
      (await consistencyProof(old, size, readTile)).map((hash) => hash.toString('base64'))
    const old = since.get(witness) ?? 0
    const answer = await askWitness(witness, { note, size }, old, proof, options.fetch)
    if (answer.kind === 'cosigned') {
      since.set(witness, size)
      said.delete(witness)
      return answer.signature
    }
    // Once per change of mind: a witness that is away for a night fills no log.
    const words = JSON.stringify(answer)
    if (said.get(witness) !== words) {
      const fields = { witness: witness.verifier.name, ...answer }
      if (answer.kind === 'ahead') {
        log.error(fields, 'a witness has seen a longer log: this one was set back')
      } else {
        log.warn(fields, 'a witness did not cosign; it is asked again')
      }
      said.set(witness, words)
    }
    return undefined
  }

  /** One an hour is enough: a stamp covers everything before it. */
  const stamps = async (
    { timestamps }: StoredCheckpoint,
    text: string,
  ): Promise<Buffer[] | undefined> => {
    if (authority === undefined || timestamps !== undefined || clock.now() < stampAgainAt) {
      return undefined
    }
    const read = await askTimeStamp(authority, Buffer.from(text), options.fetch)
    // An authority that is away is asked again soon, and not every two seconds.
    stampAgainAt = clock.now() + (read.kind === 'token' ? STAMP_EVERY_MS : STAMP_RETRY_MS)
    if (read.kind === 'token') return [read.token]
    log.warn({ reason: read.reason }, 'the checkpoint was not time-stamped; it is tried again')
    return undefined
  }

  const round = async (): Promise<StoredCheckpoint | undefined> => {
    const checkpoint = await store.checkpoint()
    const note = checkpoint === undefined ? undefined : parseNote(checkpoint.note)
    if (checkpoint === undefined || note === undefined) return checkpoint
    const read = readCosignatures(note, policy.witnesses)
    const have = read.kind === 'read' ? read.cosignatures.map(({ by }) => by) : []
    const missing = witnesses.filter(({ verifier }) => !have.includes(verifier))
    const answers = await Promise.all(missing.map((witness) => ask(witness, checkpoint)))
    const added = answers.filter((answer) => answer !== undefined)
    const timestamps = await stamps(checkpoint, note.text)
    if (added.length === 0 && timestamps === undefined) return checkpoint
    const cosigned: StoredCheckpoint = {
      ...checkpoint,
      note: withSignatures(checkpoint.note, added),
      ...(timestamps === undefined ? {} : { timestamps }),
    }
    await store.putCheckpoint(cosigned)
    return cosigned
  }

  const loop = repeat(
    round,
    () => INTERVAL_MS,
    (error) =>
      log.warn({ err: error }, 'showing a checkpoint to witnesses failed; it is tried again'),
  )
  return { ...loop, round }
}
