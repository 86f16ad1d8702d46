import { afterAll, beforeEach, expect, test } from 'vitest'
import { signedIn } from '../../src/auth/oidc.ts'
import { newId } from '../../src/shared/ids.ts'
import { eventually } from '../support/eventually.ts'
import { startHub } from '../support/hub.ts'
import { startProvider } from './api-provider.ts'

const provider = await startProvider()
const hub = await startHub({
  OIDC_ISSUER: provider.issuer,
  OIDC_CLIENT_ID: 'hub',
  OIDC_CLIENT_SECRET: 'secret-of-the-hub',
  OIDC_ROLES: 'hub-admins=admin,hub-audit=auditor',
  ADMIN_SOURCE: 'staff',
  ROLE: 'web',
})
const { origin } = hub.client
provider.serve(`${origin}/auth/callback`)
afterAll(async () => {
  await hub.stop()
  await provider.stop()
})
const staff = await hub.client.createSource('staff')

/** Follows redirects and keeps cookies, as a browser does. */
function browser() {
  const jar = new Map<string, Map<string, string>>()
  const request = async (url: string, init: RequestInit = {}) => {
    const site = new URL(url).origin
    const cookies = jar.get(site) ?? new Map<string, string>()
    const response = await fetch(url, {
      redirect: 'manual',
      ...init,
      headers: {
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        ...init.headers,
      },
    })
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...rest] = line.split(';')
      const [name = '', ...value] = pair.split('=')
      if (rest.some((part) => /^ *Max-Age=0$/i.test(part)) || value.join('=') === '')
        cookies.delete(name)
      else cookies.set(name, value.join('='))
    }
    jar.set(site, cookies)
    return response
  }
  /** @returns where it ended on the hub, without following that */
  const signIn = async (returnTo = '/here'): Promise<Response> => {
    let response = await request(`${origin}/auth/login?returnTo=${encodeURIComponent(returnTo)}`)
    let url = origin
    for (let steps = 0; steps < 12; steps += 1) {
      const location = response.headers.get('location')
      if (location === null) return response
      const next = new URL(location, url).href
      const atHub = next.startsWith(origin)
      if (atHub && !next.startsWith(`${origin}/auth/callback`)) return response
      response = await request(next)
      url = next
      if (atHub) return response
    }
    throw new Error('redirected without end')
  }
  return { request, signIn, cookies: () => jar.get(origin) ?? new Map<string, string>() }
}

const api = (
  of: ReturnType<typeof browser>,
  method: string,
  path: string,
  body?: object,
  headers = {},
) =>
  of.request(`${origin}/api/v1${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })

const employ = async (name: string, groups: string[]): Promise<string> => {
  const id = await staff.createUser(name)
  provider.account(name, { email: `${name}@Example.com`, email_verified: true, groups })
  return id
}
const byHand = { connectorId: 'manual', config: { instructions: 'Ask Ann.' }, secrets: {} }
const annId = await employ('ann', ['hub-admins', 'other'])
beforeEach(() => provider.signInAs('ann'))

test('signing in, an admin, has a session that reads, writes with its CSRF token, and ends', async () => {
  const page = browser()
  const back = await page.signIn()
  expect(back.status).toBe(303)
  expect(back.headers.get('location')).toBe('/here')
  const [cookie = ''] = back.headers.getSetCookie()
  expect(cookie).toMatch(/^quittance=.+; Path=\/; Max-Age=28800; HttpOnly; SameSite=Lax$/)
  const session = (await (await page.request(`${origin}/auth/session`)).json()) as {
    csrfToken: string
  }
  expect(session).toMatchObject({ person: 'ann@example.com', role: 'admin' })
  expect((await api(page, 'GET', '/summary')).status).toBe(200)

  const body = { name: 'ann’s', role: 'viewer' }
  const csrf = { 'x-csrf-token': session.csrfToken }
  expect((await api(page, 'POST', '/tokens', body)).status).toBe(403)
  expect((await api(page, 'POST', '/tokens', body, { 'x-csrf-token': 'x' })).status).toBe(403)
  const foreign = { ...csrf, origin: 'https://evil.example' }
  expect((await api(page, 'POST', '/tokens', body, foreign)).status).toBe(403)
  const made = await api(page, 'POST', '/tokens', body, csrf)
  expect(await made.json()).toMatchObject({ person: 'ann@example.com', madeBy: 'ann@example.com' })

  const stolen = page.cookies().get('quittance') ?? ''
  expect((await page.request(`${origin}/auth/logout`, { method: 'POST' })).status).toBe(403)
  const out = await page.request(`${origin}/auth/logout`, { method: 'POST', headers: csrf })
  expect(out.status).toBe(204)
  const again = await fetch(`${origin}/api/v1/summary`, {
    headers: { cookie: `quittance=${stolen}` },
  })
  expect(again.status).toBe(401)
})

test('signing in, cookies and answers that are not ours, open nothing', async () => {
  for (const cookie of ['quittance=a.b', `quittance=${'x'.repeat(43)}.${'y'.repeat(43)}`]) {
    expect((await fetch(`${origin}/api/v1/summary`, { headers: { cookie } })).status).toBe(401)
  }
  const bare = await fetch(`${origin}/auth/callback?code=x&state=y`, { redirect: 'manual' })
  expect(bare.status).toBe(401)
  const page = browser()
  await page.request(`${origin}/auth/login`)
  const forged = await page.request(`${origin}/auth/callback?code=x&state=forged`)
  expect(forged.status).toBe(401)
  expect(page.cookies().has('quittance')).toBe(false)
})

test.each(['//evil.example', '/\\evil.example', 'https://evil.example', ''])(
  'signing in, a return to %s, ends at this hub',
  async (returnTo) => {
    const page = browser()
    expect((await page.signIn(returnTo)).headers.get('location')).toBe('/')
  },
)

test('signing in, somebody without a role or unknown to the directory, is refused', async () => {
  await employ('bert', ['other'])
  provider.signInAs('bert')
  expect((await browser().signIn()).status).toBe(403)
  provider.account('mallory', { email: 'mallory@example.com', groups: ['hub-admins'] })
  provider.signInAs('mallory')
  expect((await browser().signIn()).status).toBe(403)
})

test('a deactivated admin, with a session and tokens, is out at once', async () => {
  const page = browser()
  await page.signIn()
  const { csrfToken } = (await (await page.request(`${origin}/auth/session`)).json()) as {
    csrfToken: string
  }
  const csrf = { 'x-csrf-token': csrfToken }
  const tokenOf = async (body: object): Promise<string> =>
    ((await (await api(page, 'POST', '/tokens', body, csrf)).json()) as { token: string }).token
  const own = await tokenOf({ name: 'own', role: 'admin' })
  const program = await tokenOf({ name: 'program', role: 'viewer', program: true })
  const reads = async (token: string): Promise<number> =>
    (await fetch(`${origin}/api/v1/status`, { headers: { authorization: `Bearer ${token}` } }))
      .status
  expect([await reads(own), await reads(program)]).toEqual([200, 200])
  const streams = await Promise.all([
    api(page, 'GET', '/events'),
    api(page, 'GET', '/events', undefined, { authorization: `Bearer ${program}` }),
  ])
  expect(streams.map(({ status }) => status)).toEqual([200, 200])

  const left = await staff.patch(`/Users/${annId}`, { op: 'replace', path: 'active', value: false })
  expect(left.status).toBe(200)
  expect((await api(page, 'GET', '/summary')).status).toBe(401)
  expect([await reads(own), await reads(program)]).toEqual([401, 401])
  expect((await browser().signIn()).status).toBe(403)
  let ended = 0
  for (const stream of streams) {
    stream.text().then(
      () => {
        ended += 1
      },
      () => {
        // It was broken off when the hub stopped.
      },
    )
  }
  await eventually('both streams end', async () => {
    await hub.client.registerApp({ ...byHand, name: newId() })
    return ended === streams.length
  })
})

test('claims, a table of them, give the role with most rights or none', () => {
  const settings = {
    roleClaim: 'roles',
    personClaim: 'email',
    roles: new Map([
      ['a', 'admin'],
      ['v', 'viewer'],
      ['o', 'owner'],
    ] as const),
  }
  const of = (claims: object) => signedIn({ email: 'Ann@Example.com', ...claims }, settings)
  expect(of({ roles: ['v', 'a'] })).toEqual({ person: 'ann@example.com', role: 'admin' })
  expect(of({ roles: 'o' })).toEqual({
    person: 'ann@example.com',
    role: 'owner',
    ownerName: 'Ann@Example.com',
  })
  for (const refused of [
    {},
    { roles: ['x'] },
    { roles: 'a', email_verified: false },
    { roles: 'a', email: '' },
    { roles: 'a', email: 7 },
  ]) {
    expect(() => of(refused)).toThrow()
  }
})
