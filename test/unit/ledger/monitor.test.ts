import { expect, test } from 'vitest'
import { judgeGrowth } from '../../../src/ledger/monitor.ts'
import { parseVkey } from '../../../src/ledger/note.ts'
import { vectors } from './vectors.ts'

const { notes } = vectors
const keys = [parseVkey(notes.keys[0]!.vkey)!]
const at11 = notes['checkpointSize11']!
const at17 = notes['checkpointSize17']!
const grown = vectors.sets['json-17']!.consistency.find(
  (c) => c.oldSize === 11 && c.newSize === 17,
)!
const proof = grown.proof.map((hex) => Buffer.from(hex, 'hex').toString('base64'))

test.each<[string, string | undefined, string, string[] | undefined, object]>([
  ['a first look', undefined, at11, undefined, { kind: 'first', size: 11 }],
  ['the same again', at11, at11, undefined, { kind: 'unchanged', size: 11 }],
  ['growth with its proof', at11, at17, proof, { kind: 'grown', size: 17 }],
  ['growth without a proof', at11, at17, undefined, { kind: 'refused', reason: 'no-proof' }],
  [
    'growth with half a proof',
    at11,
    at17,
    proof.slice(1),
    { kind: 'refused', reason: 'inconsistent' },
  ],
  ['growth with junk', at11, at17, ['x'], { kind: 'refused', reason: 'no-proof' }],
  [
    'growth into another log',
    at11,
    notes['splitViewSize17']!,
    proof,
    { kind: 'refused', reason: 'inconsistent' },
  ],
  ['a shorter log', at17, at11, undefined, { kind: 'refused', reason: 'rollback' }],
  [
    'another root',
    at17,
    notes['splitViewSize17']!,
    undefined,
    { kind: 'refused', reason: 'split-view' },
  ],
  [
    'an unsigned note',
    at11,
    notes.refused[0]!.note,
    proof,
    { kind: 'refused', reason: 'unsigned' },
  ],
  ['a damaged memory', 'x', at11, undefined, { kind: 'refused', reason: 'unsigned' }],
])('the monitor, on %s, says so', (_name, known, checkpoint, given, expected) => {
  expect(judgeGrowth(known, { checkpoint, proof: given }, keys)).toEqual(expected)
})
