import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { ACT_ENTRIES } from '../../../src/ledger/act-entries.ts'
import { type ActBody, ENDINGS } from '../../../src/ledger/entries.ts'
import { createEntryWriter, readLeaf } from '../../../src/ledger/leaf.ts'

const origin = 'ledger.example.com/q'
const { privateKey } = generateKeyPairSync('ed25519')
const writer = createEntryWriter({ origin, kid: 'worker-1', privateKey })
const at = '2026-11-22T02:00:00.000Z'
const c = 'c'.repeat(43)
const act = { v: 1, log: origin, at, act: 'a1', by: 'admin-token' } as const
const unit = { app: 'crm', facet: 'account', offboarding: 'o1', revocation: 'r1' }

const ACTS: ActBody[] = [
  { ...act, type: 'app.registered', after: c, app: 'crm', class: 1, connector: 'scim' },
  {
    ...act,
    type: 'app.changed',
    after: c,
    app: 'crm',
    class: { from: 1, to: 2 },
    fields: ['class'],
    approval: 'p1',
    reason: c,
  },
  { ...act, type: 'app.paused', app: 'crm' },
  { ...act, type: 'app.resumed', app: 'crm' },
  {
    ...act,
    type: 'app.removed',
    app: 'crm',
    open: 2,
  },
  {
    ...act,
    type: 'inventory.snapshot',
    app: 'crm',
    connector: 'scim@1.0.0',
    complete: true,
    count: 1,
    root: 'a'.repeat(64),
    taken: at,
  },
  { ...act, type: 'app.secrets_changed', app: 'crm', secrets: ['token'] },
  { ...act, type: 'source.created', after: c, source: 'okta' },
  { ...act, type: 'source.changed', after: c, fields: ['dialect'], source: 'okta' },
  { ...act, type: 'source.removed', source: 'okta' },
  { ...act, type: 'source.key_issued', key: 'k1', kind: 'token', source: 'okta', expires: at },
  { ...act, type: 'source.key_revoked', key: 'k1', kind: 'token', source: 'okta' },
  { ...act, type: 'token.issued', token: 't1', role: 'auditor' },
  { ...act, type: 'token.revoked', token: 't1' },
  { ...act, type: 'role.changed', principal: 'p1', from: ['viewer'], to: ['admin'] },
  {
    ...act,
    type: 'approval.proposed',
    approval: 'p1',
    about: 'crm',
    kind: 'lower-class',
    payload: c,
    expires: at,
  },
  { ...act, type: 'approval.decided', approval: 'p1', decision: 'approved' },
  { ...act, ...unit, type: 'waiver.ended', because: 'expired' },
  {
    ...act,
    type: 'exemption.granted',
    exemption: 'e1',
    source: 'okta',
    subject: c,
    app: 'crm',
    expires: at,
  },
  { ...act, type: 'exemption.ended', exemption: 'e1', because: 'withdrawn' },
  { ...act, type: 'hold.placed', hold: 'h1', source: 'okta', subject: c },
  { ...act, type: 'hold.released', hold: 'h1' },
  { ...act, by: 'hub', type: 'storm.held', storm: 's1', source: 'okta', departures: 90 },
  { ...act, type: 'storm.resumed', storm: 's1', source: 'okta', resumed: 90 },
  { ...act, ...unit, type: 'revocation.attested', artifact: c },
  { ...act, ...unit, type: 'revocation.retried' },
  { ...act, ...unit, type: 'revocation.assigned', to: c },
  { ...act, type: 'link.bound', account: c, app: 'crm', source: 'okta', subject: c },
  { ...act, type: 'link.unbound', account: c, app: 'crm', source: 'okta', subject: c },
  { ...act, type: 'audit.exported', kind: 'certificate', about: 'o1' },
  { ...act, type: 'admin.acted', kind: 'test-app', about: 'crm' },
]

describe('an entry about an act', () => {
  test.each(ACTS.map((body) => [body.type, body] as const))(
    '%s, written, has the id of the act and reads back as it was',
    (type, body) => {
      const entry = writer.write(body)
      expect(entry.eid).toBe(`${type}:a1`)
      const read = readLeaf(entry.leaf)
      expect(read.kind === 'leaf' && read.leaf.body).toEqual(body)
      expect(ENDINGS).not.toContain(type)
    },
  )

  test('every type, of the schemas, has a row above', () => {
    const types = ACT_ENTRIES.map((schema) => schema.shape.type.value)
    expect(ACTS.map((body) => body.type).sort()).toEqual([...types].sort())
  })

  test('an act, that names a person in the open, is not written', () => {
    for (const body of ACTS) {
      expect(() => writer.write({ ...body, by: 'jane@example.com' })).toThrow('schema')
    }
  })
})
