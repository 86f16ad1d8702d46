import { readCosignatures } from './cosignature.ts'
import { formatNote, type NoteSignature, parseNote, type Verifier } from './note.ts'

/** A witness that is asked: its key, and where it takes checkpoints. */
export interface WitnessAddress {
  verifier: Verifier
  /** Submission prefix; `/add-checkpoint` follows. */
  url: string
}

export type WitnessAnswer =
  | { kind: 'cosigned'; signature: NoteSignature; seconds: number }
  /** It has seen a longer log than this one: ours was set back. A person must look. */
  | { kind: 'ahead'; size: number }
  /** It answered, and not with a cosignature of its own: the status, or what is wrong. */
  | { kind: 'refused'; reason: string }
  /** It did not answer. */
  | { kind: 'away'; reason: string }

/** The global one, or a test's. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

const TIMEOUT_MS = 10_000
const MAX_ANSWER = 64 * 1024

/**
 * Asks a witness to cosign a checkpoint. C2SP tlog-witness, "add-checkpoint". What it says is verified under the key
 * that the policy names; nothing else that it sends is believed.
 *
 * @param since the size that the witness cosigned last, as far as known; it corrects a wrong one with 409
 * @param proof base64 hashes from one size to that of the note; RFC 9162 §2.1.4
 */
export async function askWitness(
  { verifier, url }: WitnessAddress,
  checkpoint: { note: string; size: number },
  since: number,
  proof: (oldSize: number) => Promise<readonly string[]>,
  fetch: Fetch,
): Promise<WitnessAnswer> {
  let old = Math.min(since, checkpoint.size)
  // Once as we believe, once as it says; a witness that changes its mind again is asked next time.
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const hashes = await proof(old)
    const body = `old ${old}\n${hashes.map((hash) => `${hash}\n`).join('')}\n${checkpoint.note}`
    const answer = await post(`${url.replace(/\/+$/, '')}/add-checkpoint`, body, fetch)
    if (answer.kind === 'away') return answer
    const { status, text } = answer
    if (status === 200) return readAnswer(text, checkpoint.note, verifier)
    const size = /^(0|[1-9]\d{0,15})\n?$/.exec(text)?.[1]
    if (status !== 409 || size === undefined) return { kind: 'refused', reason: `status ${status}` }
    if (Number(size) > checkpoint.size) return { kind: 'ahead', size: Number(size) }
    old = Number(size)
  }
  return { kind: 'refused', reason: 'status 409 again' }
}

async function post(
  url: string,
  body: string,
  fetch: Fetch,
): Promise<{ kind: 'answer'; status: number; text: string } | { kind: 'away'; reason: string }> {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const response = await fetch(url, { method: 'POST', body, signal, redirect: 'error' })
    const chunks: Uint8Array[] = []
    let size = 0
    for await (const chunk of response.body ?? []) {
      size += chunk.length
      if (size > MAX_ANSWER) return { kind: 'away', reason: 'it answered too much' }
      chunks.push(chunk)
    }
    return { kind: 'answer', status: response.status, text: Buffer.concat(chunks).toString('utf8') }
  } catch (error) {
    const { cause, message } = error as Error & { cause?: NodeJS.ErrnoException }
    return { kind: 'away', reason: cause?.code ?? message }
  }
}

/** Lines as at the end of a note; one of them must be this witness's cosignature of this text. */
function readAnswer(lines: string, note: string, verifier: Verifier): WitnessAnswer {
  const text = parseNote(note)?.text ?? ''
  const answered = parseNote(`${text}\n${lines}`)
  if (answered === undefined) return { kind: 'refused', reason: 'the answer is no signature' }
  const read = readCosignatures(answered, [verifier])
  if (read.kind === 'bad-signature') return { kind: 'refused', reason: 'a wrong cosignature' }
  const [cosignature] = read.cosignatures
  const signature = answered.signatures.find(
    ({ name, keyId }) => name === verifier.name && keyId === verifier.keyId,
  )
  return cosignature === undefined || signature === undefined
    ? { kind: 'refused', reason: 'a cosignature of somebody else' }
    : { kind: 'cosigned', signature, seconds: cosignature.seconds }
}

/** The note with these signatures in place of older ones of the same keys. */
export function withSignatures(note: string, added: readonly NoteSignature[]): string {
  const parsed = parseNote(note)
  if (parsed === undefined) throw new RangeError('not a note')
  const same = (a: NoteSignature, b: NoteSignature): boolean =>
    a.name === b.name && a.keyId === b.keyId
  const kept = parsed.signatures.filter((line) => !added.some((other) => same(line, other)))
  return formatNote({ text: parsed.text, signatures: [...kept, ...added] })
}
