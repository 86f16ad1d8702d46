import { strictBase64 } from './note.ts'
import { HASH_SIZE } from './tree.ts'

/** An inclusion proof that travels with its checkpoint. C2SP tlog-proof. */
export interface TlogProof {
  index: number
  /** 32 bytes each, the leaf's sibling first. */
  proof: readonly Buffer[]
  /** The signed note. */
  checkpoint: string
}

const MAGIC = 'c2sp.org/tlog-proof@v1'
/** A tree of 2^63 entries has paths of 63 hashes. */
const MAX_PATH = 63

export function formatTlogProof({ index, proof, checkpoint }: TlogProof): string {
  const hashes = proof.map((hash) => `${hash.toString('base64')}\n`)
  return `${MAGIC}\nindex ${index}\n${hashes.join('')}\n${checkpoint}`
}

/** @returns undefined when it is malformed; an `extra` line is allowed and ignored */
export function parseTlogProof(text: string): TlogProof | undefined {
  const split = text.indexOf('\n\n')
  if (split < 0) return undefined
  const [magic, ...lines] = text.slice(0, split).split('\n')
  if (magic !== MAGIC) return undefined
  if (lines[0]?.startsWith('extra ')) lines.shift()
  const [indexLine, ...encoded] = lines
  const digits = /^index (0|[1-9]\d{0,15})$/.exec(indexLine ?? '')?.[1]
  if (digits === undefined || encoded.length > MAX_PATH) return undefined
  const proof: Buffer[] = []
  for (const line of encoded) {
    const hash = strictBase64(line)
    if (hash?.length !== HASH_SIZE) return undefined
    proof.push(hash)
  }
  const index = Number(digits)
  if (!Number.isSafeInteger(index)) return undefined
  return { index, proof, checkpoint: text.slice(split + 2) }
}
