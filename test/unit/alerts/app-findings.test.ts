import { expect, test } from 'vitest'
import { appFindings } from '../../../src/alerts/app-look.ts'
import { ledgerFindings, ledgerLook } from '../../../src/alerts/ledger-look.ts'
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
  const found = appFindings({ appId: 'a', heldLanes: 0, secrets }, now)
  expect(found.map(({ facts }) => facts['days'])).toEqual(told)
})

test('an app, refusing the credential, is told with how much waits', () => {
  const [finding] = appFindings({ appId: 'a', heldLanes: 3, secrets: [] }, now)
  expect(finding).toMatchObject({ rule: 'lane-held', facts: { lanes: 3 } })
})

const ledger = {
  waitingSince: null,
  unsigned: 0,
  sealedAt: now,
  signedAt: now,
  signerSeen: now,
  refused: null,
  quorum: null,
  copy: null,
}

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
  [
    'entries keep coming, the signer is silent',
    { unsigned: 9, signerSeen: now - 2 * MINUTE },
    ['ledger-stalled:signing'],
  ],
  [
    'entries keep coming, the signer lives and signs nothing',
    { unsigned: 9, signedAt: now - 12 * MINUTE },
    ['ledger-stalled:signing'],
  ],
  ['an entry is new after a calm', { unsigned: 1, signedAt: now - 10 * MINUTE }, []],
  ['the signer is away, nothing is unsigned', { signerSeen: now - 60 * MINUTE }, []],
  [
    'the copy lags',
    { copy: { lag: 3, at: now - 15 * MINUTE, trouble: null } },
    ['ledger-behind:copy'],
  ],
  ['the copy is about to follow', { copy: { lag: 3, at: now - MINUTE, trouble: null } }, []],
  [
    'the copy never worked',
    { copy: { lag: 3, at: 0, trouble: 'unreachable' } },
    ['ledger-behind:copy'],
  ],
  [
    'the copy is longer',
    { copy: { lag: 0, at: now, trouble: 'ahead' } },
    ['ledger-rewritten:copy'],
  ],
])('the ledger, %s, is told as %j', (_, state, told) => {
  const found = ledgerFindings({ ...ledger, ...state }, now)
  expect(found.map(({ rule, key }) => `${rule}:${key}`)).toEqual(told)
})

test('the ledger, without its witnesses for a quarter of an hour, is told; for a moment, it is not', async () => {
  let at = now
  let quorum = false
  const look = ledgerLook(async () => ({ ...ledger, signedAt: at, signerSeen: at, quorum }), {
    now: () => at,
  })
  const told = async (): Promise<string[]> => {
    const found: string[] = []
    for await (const { rule, key } of look.findings()) found.push(`${rule}:${key}`)
    return found
  }
  expect(await told()).toEqual([])
  at += 14 * MINUTE
  quorum = true
  expect(await told()).toEqual([])
  quorum = false
  expect(await told()).toEqual([])
  at += 15 * MINUTE
  expect(await told()).toEqual(['ledger-behind:witnesses'])
  quorum = true
  expect(await told()).toEqual([])
})
