import { expect, test } from 'vitest'
import { createAccessTokens } from '../../../src/auth/access-token.ts'

const tokens = createAccessTokens([Buffer.alloc(32, 1)])
const grant = { sourceId: 'okta', credentialId: 'c1', expiresAt: 1_000 }

test('access token, read by a hub with the same key, says what it was issued for until it ends', () => {
  const token = tokens.issue(grant)
  const other = createAccessTokens([Buffer.alloc(32, 1)])
  expect(token).toMatch(/^qtc_access_[\w-]+\.[\w-]+$/)
  expect(other.read(token, 999)).toEqual(grant)
  expect(other.read(token, 1_000)).toBeUndefined()
  expect(tokens.issue(grant)).not.toBe(token)
})

test('access token, changed or made with another key, is nothing', () => {
  const token = tokens.issue(grant)
  const [claims = '', tag = ''] = token.slice('qtc_access_'.length).split('.')
  const forged = Buffer.from(JSON.stringify(['entra', 'c1', 9_999, 'n'])).toString('base64url')
  for (const wrong of [
    `qtc_access_${forged}.${tag}`,
    `qtc_access_${claims}.`,
    `qtc_access_${claims}`,
    `qtc_access_${claims}.${tag}.x`,
    `qtc_access_.${tag}`,
    createAccessTokens([Buffer.alloc(32, 2)]).issue(grant),
  ]) {
    expect(tokens.read(wrong, 0), wrong).toBeUndefined()
  }
})

test('access tokens, issued under the other master key, are read while keys change', () => {
  const [former, next] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
  const token = createAccessTokens([former]).issue(grant)
  expect(createAccessTokens([next, former]).read(token, 0)).toEqual(grant)
  expect(createAccessTokens([next]).read(token, 0)).toBeUndefined()
})
