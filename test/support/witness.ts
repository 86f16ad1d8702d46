import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openCheckpoint } from '../../src/ledger/checkpoint.ts'
import { cosign } from '../../src/ledger/cosignature.ts'
import {
  COSIGNATURE,
  createNoteSigner,
  formatNote,
  formatVkey,
  parseVkey,
} from '../../src/ledger/note.ts'
import { verifyConsistency } from '../../src/ledger/proofs.ts'

/** A witness as C2SP tlog-witness describes it, small: one log, a memory of its own, its own consistency check. */
export async function startWitness(name: string, seed: number, logVkeys: readonly string[]) {
  const signer = createNoteSigner(name, COSIGNATURE, Buffer.alloc(32, seed))
  const logKeys = logVkeys.map((vkey) => parseVkey(vkey)!)
  let seen: { size: number; root: Buffer } | undefined
  const statuses: number[] = []
  const answer = (body: string): { status: number; text: string } => {
    const split = body.indexOf('\n\n')
    const [first, ...proof] = body.slice(0, split).split('\n')
    const old = Number(/^old (\d+)$/.exec(first ?? '')?.[1] ?? -1)
    const opened = openCheckpoint(body.slice(split + 2), logKeys)
    if (opened.kind === 'no-known-key') return { status: 403, text: '' }
    if (opened.kind !== 'verified' || old < 0) return { status: 400, text: '' }
    const { size, root } = opened.checkpoint
    if (old > size) return { status: 400, text: '' }
    if (old !== (seen?.size ?? 0)) return { status: 409, text: `${seen?.size ?? 0}\n` }
    const claim = { oldSize: old, size, oldRoot: seen?.root ?? root, root }
    const hashes = proof.map((line) => Buffer.from(line, 'base64'))
    if (old > 0 && !verifyConsistency({ ...claim, proof: hashes })) return { status: 422, text: '' }
    seen = { size, root }
    const signature = cosign(opened.note.text, signer, Math.floor(Date.now() / 1_000))
    const note = formatNote({ text: opened.note.text, signatures: [signature] })
    return { status: 200, text: note.slice(opened.note.text.length + 1) }
  }
  let lie: ((text: string) => string) | undefined
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const known = request.method === 'POST' && request.url === '/w/add-checkpoint'
      const { status, text } = known
        ? answer(Buffer.concat(chunks).toString())
        : { status: 404, text: '' }
      statuses.push(status)
      response.writeHead(status).end(lie === undefined ? text : lie(text))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/w`
  return {
    vkey: formatVkey(signer.verifier),
    url,
    /** Statuses of its answers so far. */
    statuses,
    /** From now on it changes its answers. */
    lie: (change: ((text: string) => string) | undefined) => {
      lie = change
    },
    stop: () => new Promise((resolve) => server.close(resolve)),
  }
}
