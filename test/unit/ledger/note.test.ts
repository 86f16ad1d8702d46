import { describe, expect, test } from 'vitest'
import {
  formatCheckpoint,
  openCheckpoint,
  parseCheckpoint,
} from '../../../src/ledger/checkpoint.ts'
import { cosign, readCosignatures } from '../../../src/ledger/cosignature.ts'
import {
  COSIGNATURE,
  createNoteSigner,
  ED25519,
  formatNote,
  formatSkey,
  formatVkey,
  openNote,
  parseNote,
  parseSkey,
  parseVkey,
  signText,
} from '../../../src/ledger/note.ts'
import { verifyInclusion } from '../../../src/ledger/proofs.ts'
import { formatTlogProof, parseTlogProof } from '../../../src/ledger/tlog-proof.ts'
import { leafHash } from '../../../src/ledger/tree.ts'
import { bytes, vectors } from './vectors.ts'

const { notes } = vectors
const [log1, log2, w1, w2] = notes.keys.map((k) => parseVkey(k.vkey)!)
const signers = notes.keys.map((k) =>
  createNoteSigner(k.name, k.time === undefined ? ED25519 : COSIGNATURE, bytes(k.seedHex)),
)

describe('keys', () => {
  test.each(notes.keys)('$name, from its seed, has the known spelling', (key) => {
    const type = key.time === undefined ? ED25519 : COSIGNATURE
    const signer = createNoteSigner(key.name, type, bytes(key.seedHex))
    expect(formatVkey(signer.verifier)).toBe(key.vkey)
    if (key.skey === undefined) return
    expect(formatSkey(signer)).toBe(key.skey)
    expect(formatVkey(parseSkey(key.skey)!.verifier)).toBe(key.vkey)
  })

  test.each([
    '',
    'a+b',
    notes.keys[0]!.vkey.replace('87702bc0', '87702bc1'),
    notes.keys[0]!.vkey.replace('ledger', 'Ledger'),
    `${notes.keys[0]!.vkey}=`,
    notes.keys[0]!.vkey.replace('+AY', '+BY'),
    'with space+00000000+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c',
  ])('vkey %j, malformed, is refused', (vkey) => {
    expect(parseVkey(vkey)).toBeUndefined()
  })
})

describe('a signed checkpoint', () => {
  const good = ['checkpointSize0', 'checkpointSize11', 'checkpointSize17'] as const
  test.each(good)('%s, under the log key, verifies and is written the same again', (name) => {
    const opened = openCheckpoint(notes[name]!, [log1!])
    if (opened.kind !== 'verified') throw new Error(opened.kind)
    const text = formatCheckpoint(opened.checkpoint)
    expect(formatNote({ text, signatures: [signText(text, signers[0]!)] })).toBe(notes[name])
  })

  test('rotation, two keys signed, verifies under either and both', () => {
    const note = notes['checkpointSize17Rotation']!
    for (const keys of [[log1!], [log2!], [log1!, log2!]]) {
      const opened = openCheckpoint(note, keys)
      expect(opened.kind === 'verified' && opened.by).toEqual(keys)
    }
  })

  test('cosignatures, of two witnesses, carry their times and are made the same again', () => {
    const opened = openCheckpoint(notes['checkpointSize17Cosigned']!, [log1!])
    if (opened.kind !== 'verified') throw new Error(opened.kind)
    const read = readCosignatures(opened.note, [w1!, w2!])
    expect(read.kind === 'read' && read.cosignatures.map((c) => c.seconds)).toEqual([
      Number(notes.keys[2]!.time),
      Number(notes.keys[3]!.time),
    ])
    const { text } = opened.note
    expect(
      formatNote({
        text,
        signatures: [
          signText(text, signers[0]!),
          cosign(text, signers[2]!, Number(notes.keys[2]!.time)),
          cosign(text, signers[3]!, Number(notes.keys[3]!.time)),
        ],
      }),
    ).toBe(notes['checkpointSize17Cosigned'])
  })

  test('a cosignature, with its time changed, is refused by name', () => {
    const note = parseNote(notes['checkpointSize17Cosigned']!)!
    const [, cosignature] = note.signatures
    cosignature!.bytes.writeBigUInt64BE(1n)
    expect(readCosignatures(note, [w1!])).toEqual({ kind: 'bad-signature', by: w1!.name })
    expect(readCosignatures(note, [])).toEqual({ kind: 'read', cosignatures: [] })
  })

  test.each(notes.refused)('a note, $why, is refused', ({ note }) => {
    expect(openCheckpoint(note, [log1!]).kind).not.toBe('verified')
  })

  test('a signature, in base64 with other spare bits or without padding, is refused', () => {
    const note = notes['checkpointSize11']!
    expect(note.endsWith('zgY=\n')).toBe(true)
    for (const end of ['zgZ=\n', 'zgY\n', 'zgY==\n', 'zg Y=\n']) {
      expect(openCheckpoint(note.slice(0, -5) + end, [log1!]).kind).toBe('malformed')
    }
  })

  test('two roots for one size, both signed, both verify: together they prove a split view', () => {
    const a = openCheckpoint(notes['checkpointSize17']!, [log1!])
    const b = openCheckpoint(notes['splitViewSize17']!, [log1!])
    if (a.kind !== 'verified' || b.kind !== 'verified') throw new Error('refused')
    expect(a.checkpoint.size).toBe(b.checkpoint.size)
    expect(a.checkpoint.root.equals(b.checkpoint.root)).toBe(false)
  })

  test('a key of another name, on a text of this origin, is not the log', () => {
    const text = formatCheckpoint({ origin: 'a.example/log', size: 1, root: Buffer.alloc(32) })
    const other = createNoteSigner('b.example/log', ED25519, Buffer.alloc(32, 9))
    const note = formatNote({ text, signatures: [signText(text, other)] })
    expect(openNote(note, [other.verifier]).kind).toBe('verified')
    expect(openCheckpoint(note, [other.verifier]).kind).toBe('no-known-key')
  })

  test('lines of unknown keys, up to the limit, are ignored; beyond it the note is refused', () => {
    const note = notes['checkpointSize17']!
    const line = `\u2014 x.example/y ${Buffer.alloc(68, 1).toString('base64')}\n`
    expect(openNote(note + line.repeat(99), [log1!]).kind).toBe('verified')
    expect(openNote(note + line.repeat(10_000), [log1!]).kind).toBe('malformed')
  })

  test.each([
    'o\n01\nTT8J1vCaVcZ5r7P7KyBP93cQpJ5kOoKh6Gl9d6MaPWw=\n',
    'o\n-1\nTT8J1vCaVcZ5r7P7KyBP93cQpJ5kOoKh6Gl9d6MaPWw=\n',
    'o\n9007199254740993\nTT8J1vCaVcZ5r7P7KyBP93cQpJ5kOoKh6Gl9d6MaPWw=\n',
    'o\n0\nTT8J1vCaVcZ5r7P7KyBP93cQpJ5kOoKh6Gl9d6MaPWw=\n',
    'o\n1\nTT8J1vCaVcZ5r7P7KyBP93cQpJ5kOoKh6Gl9d6MaPWx=\n',
    'o\n1\nTT8J\n',
    '\n1\nTT8J1vCaVcZ5r7P7KyBP93cQpJ5kOoKh6Gl9d6MaPWw=\n',
    'o\n1\n',
    'o\n1\nTT8J1vCaVcZ5r7P7KyBP93cQpJ5kOoKh6Gl9d6MaPWw=\n\nx\n',
  ])('text %j, not a checkpoint, is refused', (text) => {
    expect(parseCheckpoint(text)).toBeUndefined()
  })
})

describe('a tlog-proof', () => {
  test('the known one, read, proves its entry and is written the same again', () => {
    const proof = parseTlogProof(vectors.tlogProof.text)!
    const opened = openCheckpoint(proof.checkpoint, [log1!])
    if (opened.kind !== 'verified') throw new Error(opened.kind)
    const claim = {
      index: proof.index,
      size: opened.checkpoint.size,
      root: opened.checkpoint.root,
      proof: proof.proof,
    }
    const entry = bytes(vectors.tlogProof.entryDataHex)
    expect(verifyInclusion({ ...claim, leafHash: leafHash(entry) })).toBe(true)
    expect(verifyInclusion({ ...claim, leafHash: leafHash(Buffer.from('x')) })).toBe(false)
    expect(formatTlogProof(proof)).toBe(vectors.tlogProof.text)
  })

  test.each([
    '',
    'c2sp.org/tlog-proof@v2\nindex 0\n\nx',
    'c2sp.org/tlog-proof@v1\n\nx',
    'c2sp.org/tlog-proof@v1\nindex 01\n\nx',
    'c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\nx',
    `c2sp.org/tlog-proof@v1\nindex 0\n${`${Buffer.alloc(32).toString('base64')}\n`.repeat(64)}\nx`,
  ])('text %#, malformed, is refused', (text) => {
    expect(parseTlogProof(text)).toBeUndefined()
  })
})
