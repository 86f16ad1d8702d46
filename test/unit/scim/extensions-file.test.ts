import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import { readScimExtensions } from '../../../src/config/scim-extensions.ts'
import type { ExtensionDefinition } from '../../../src/scim/extension.ts'

const folder = mkdtempSync(join(tmpdir(), 'quittance-extensions-'))
afterAll(() => rmSync(folder, { recursive: true }))
let count = 0
const file = (content: unknown): string => {
  const path = join(folder, `${++count}.json`)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}
const one = { id: 'urn:example:x:User', name: 'X', appliesTo: 'User' }
const a = { name: 'a', type: 'string' }

test('extensions file, that is right, is filled in and fits the SCIM room', () => {
  const config = loadConfig({ SCIM_EXTENSIONS_FILE: file([{ ...one, attributes: [a] }]) })
  const definitions: readonly ExtensionDefinition[] = config.scimExtensions
  expect(definitions).toEqual([
    {
      ...one,
      description: '',
      required: false,
      attributes: [
        {
          ...a,
          description: '',
          multiValued: false,
          required: false,
          caseExact: false,
          mutability: 'readWrite',
          returned: 'default',
          uniqueness: 'none',
        },
      ],
    },
  ])
  expect(loadConfig({}).scimExtensions).toEqual([])
})

test.each([
  ['no JSON', '{', 'is not JSON'],
  ['no list', {}, 'the file'],
  ['no URN', [{ ...one, id: 'x', attributes: [a] }], '0.id'],
  ['no attributes', [{ ...one, attributes: [] }], '0.attributes'],
  ['an unknown key', [{ ...one, attributes: [a], more: 1 }], 'more'],
  ['another type', [{ ...one, appliesTo: 'Device', attributes: [a] }], '0.appliesTo'],
  ['a name twice', [{ ...one, attributes: [a, { ...a, name: 'A' }] }], '0.attributes.1.name'],
  ['a bad name', [{ ...one, attributes: [{ ...a, name: 'a.b' }] }], '0.attributes.0.name'],
  ['a poisonous name', [{ ...one, attributes: [{ ...a, name: 'constructor' }] }], '.0.name'],
  ['complex without parts', [{ ...one, attributes: [{ ...a, type: 'complex' }] }], 'subAttributes'],
  [
    'complex in complex',
    [
      {
        ...one,
        attributes: [
          { ...a, type: 'complex', subAttributes: [{ ...a, type: 'complex', subAttributes: [a] }] },
        ],
      },
    ],
    'subAttributes.0',
  ],
  ['uniqueness', [{ ...one, attributes: [{ ...a, uniqueness: 'server' }] }], 'uniqueness'],
  [
    'writeOnly but shown',
    [{ ...one, attributes: [{ ...a, mutability: 'writeOnly' }] }],
    'returned',
  ],
  [
    'a reference to nothing',
    [{ ...one, attributes: [{ ...a, type: 'reference' }] }],
    'referenceTypes',
  ],
  [
    'a URN twice',
    [
      { ...one, attributes: [a] },
      { ...one, id: 'URN:example:x:user'.replace('URN', 'urn'), attributes: [a] },
    ],
    '1.id',
  ],
  [
    'a URN within another',
    [
      { ...one, attributes: [a] },
      { ...one, id: `${one.id}:sub`, attributes: [a] },
    ],
    '1.id',
  ],
  [
    'a URN of the RFC',
    [{ ...one, id: 'urn:ietf:params:scim:schemas:core:2.0:User:x', attributes: [a] }],
    '0.id',
  ],
])('extensions file, with %s, is refused at its place', (_, content, place) => {
  const result = readScimExtensions(file(content))
  expect('faults' in result ? result.faults.join('\n') : 'accepted').toContain(place)
})

test('extensions file, with two faults beside another setting, all are told at start', () => {
  const path = file([{ ...one, id: 'x', attributes: [{ ...a, type: 'text' }] }])
  const start = () => loadConfig({ SCIM_EXTENSIONS_FILE: path, PORT: 'x' })
  expect(start).toThrow(/0\.id/)
  expect(start).toThrow(/0\.attributes\.0\.type/)
  expect(start).toThrow(/PORT/)
  expect(() => loadConfig({ SCIM_EXTENSIONS_FILE: join(folder, 'none') })).toThrow(/ENOENT/)
})
