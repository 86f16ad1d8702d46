import { expect, test } from 'vitest'
import { HubError } from '../../../src/shared/errors.ts'
import { createLog } from '../../../src/telemetry/log.ts'
import { safePath } from '../../../src/telemetry/request-log.ts'
import { scrub } from '../../../src/telemetry/scrub.ts'

function logged(write: (log: ReturnType<typeof createLog>) => void): string {
  const lines: string[] = []
  write(createLog({ level: 'trace' }, { write: (line: string) => lines.push(line) }))
  return lines.join('')
}
const TOKEN = `qtc_scim_${'x'.repeat(43)}`

test.each([
  ['a token field', { token: 'hush' }],
  ['a header one level down', { headers: { authorization: 'Bearer hush' } }],
  ['a secret two levels down', { app: { config: { password: 'hush' } } }],
  ['a person', { userName: 'hush' }],
  ['a person one level down', { user: { emails: ['hush'] } }],
])('log, %s, is redacted', (_, fields) => {
  const text = logged((log) => log.info(fields, 'x'))
  expect(text).toContain('[redacted]')
  expect(text).not.toContain('hush')
})

test('log, an error with causes, keeps codes and frames and loses what is secret', () => {
  const cause = new Error('E11000 duplicate key error index: u dup key: { userName: "jane" }')
  const error = new HubError('ERR_UNIQUENESS', `jane@example.com used ${TOKEN}`, { cause })
  const text = logged((log) => log.error({ err: error }, `failed for ${TOKEN}`))
  expect(text).toContain('ERR_UNIQUENESS')
  expect(text).toContain('log.test.ts')
  expect(text).toContain('E11000')
  for (const secret of ['jane', TOKEN]) expect(text).not.toContain(secret)
})

test('log, a bare error as the first argument, is scrubbed too', () => {
  expect(logged((log) => log.error(new Error(`x ${TOKEN}`)))).not.toContain(TOKEN)
})

test('scrub, a connection string and a bearer credential, lose their secrets', () => {
  expect(scrub('mongodb://hub:hush@db/x')).toBe('mongodb://[redacted]@db/x')
  expect(scrub('Authorization: Bearer abcdefgh.ijk')).not.toContain('abcdefgh')
})

test('safe path, names and queries, are left out', () => {
  expect(safePath('/scim/okta/v2/Users/0190-ab?filter=userName eq "jane"')).toBe(
    '/scim/okta/v2/Users/0190-ab',
  )
  expect(safePath('/api/v1/users/okta/jane@example.com')).toBe('/api/v1/users/okta/…')
})
