import { expect, test } from 'vitest'
import { appFindings } from '../../../src/alerts/app-look.ts'
import { ledgerFindings } from '../../../src/alerts/ledger-look.ts'
import { DAY, MINUTE } from '../../../src/shared/clock.ts'

const now = 1_000 * DAY

test.each([
  [31, []],
  [30, [30]],
  [14, [14]],
  [7, [7]],
  [1, [1]],
  [-1, [0]],
])('a secret, %i days before its end, is told as %j', (days, told) => {
  const secrets = [{ name: 'token', expiresAt: now + days * DAY }]
  const found = appFindings({ appId: 'a', owners: ['o'], heldLanes: 0, secrets }, now)
  expect(found.map(({ facts }) => facts['days'])).toEqual(told)
})

test('an app that refuses the credential, is told with its owners', () => {
  const [finding] = appFindings({ appId: 'a', owners: ['o'], heldLanes: 3, secrets: [] }, now)
  expect(finding).toMatchObject({ rule: 'lane-held', facts: { lanes: 3 }, owners: ['o'] })
})

const ledger = { waitingSince: null, unsigned: 0, sealedAt: now, refused: null }

test.each([
  ['at rest', {}, []],
  ['a row waits a moment', { waitingSince: now - MINUTE }, []],
  ['a row waits', { waitingSince: now - 2 * MINUTE }, ['ledger-stalled:sealing']],
  ['nothing signs', { unsigned: 1, sealedAt: now - 2 * MINUTE }, ['ledger-stalled:signing']],
  [
    'the signer refuses',
    { unsigned: 1, sealedAt: now - 2 * MINUTE, refused: 'rollback' },
    ['ledger-refused:signer'],
  ],
])('the ledger, %s, is told as %j', (_, state, told) => {
  const found = ledgerFindings({ ...ledger, ...state }, now)
  expect(found.map(({ rule, key }) => `${rule}:${key}`)).toEqual(told)
})
