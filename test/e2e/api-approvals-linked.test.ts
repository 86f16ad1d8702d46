import { afterAll, expect, test } from 'vitest'
import { DAY } from '../../src/shared/clock.ts'
import { newId } from '../../src/shared/ids.ts'
import { owed } from './api-cases.ts'
import { startApi } from './api-harness.ts'

const api = await startApi({}, { ADMIN_SOURCE: 'staff' })
afterAll(() => api.close())
await api.api('POST', '/sources', { id: 'staff', name: 'Staff', dialect: 'okta' })

/** A colleague in the directory of the hub's own users. */
async function employed(userName: string, email: string) {
  const user = {
    id: newId(),
    sourceId: 'staff',
    resource: { userName, emails: [{ value: email }] },
    active: true,
    version: 1,
    generation: 1,
    created: 1,
    lastModified: 1,
  }
  await api.stores.directory.insertUser(user)
  return user
}
const tokenOf = async (person: string): Promise<string> => {
  const body = { name: person, role: 'admin', person }
  return (await api.api('POST', '/tokens', body)).json.token
}
const call = (token: string, path: string, body: object) =>
  api.send('POST', `/api/v1/approvals${path}`, { token, body })
const propose = async (token: string): Promise<{ id: string; digest: string }> => {
  const revocation = await owed(api)
  const until = new Date(Date.now() + 30 * DAY).toISOString()
  const payload = { revocationId: revocation.id, until }
  const { json } = await call(token, '', { kind: 'waive', payload, reason: 'until June' })
  return json
}
const approve = (token: string, { id, digest }: { id: string; digest: string }) =>
  call(token, `/${id}/approve`, { digest, reason: 'agreed' })

test('four eyes, two names of one person in the directory, are one pair of eyes', async () => {
  await employed('asmith', 'alice.smith@corp.example')
  await employed('bob', 'bob@corp.example')
  const [alice, also, bob] = [
    await tokenOf('asmith'),
    await tokenOf('alice.smith@corp.example'),
    await tokenOf('bob@corp.example'),
  ]
  const proposal = await propose(alice)
  const refused = await approve(also, proposal)
  expect([refused.status, refused.json.detail]).toEqual([403, expect.stringMatching(/you have/)])
  const done = await approve(bob, proposal)
  expect(done.json).toMatchObject({
    state: 'approved',
    proposedBy: { person: 'asmith' },
    decidedBy: { person: 'bob@corp.example' },
  })
  // Which directory user it was is for the comparison alone.
  expect(done.json.proposedBy).not.toHaveProperty('linked')
})

test('four eyes, a proposer whose address changes meanwhile, takes it back and does not approve it', async () => {
  const user = await employed('carol', 'carol@corp.example')
  const before = await tokenOf('carol@corp.example')
  const proposal = await propose(before)
  const renamed = {
    ...user,
    resource: { userName: 'carol', emails: [{ value: 'new@corp.example' }] },
  }
  await api.stores.directory.replaceUser({ ...renamed, version: 2 }, 1)
  const after = await tokenOf('new@corp.example')
  expect((await approve(after, proposal)).status).toBe(403)
  const taken = await call(after, `/${proposal.id}/withdraw`, { reason: 'a mistake' })
  expect(taken.json).toMatchObject({ state: 'withdrawn' })
})
