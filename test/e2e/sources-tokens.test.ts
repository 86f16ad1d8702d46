import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JWTPayload } from 'jose'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { startHub, type TestHub } from '../support/hub.ts'
import { startIssuer } from './sources-issuer.ts'

const TENANT = 'ce5f061f-abe6-4e40-9615-301f87bcb7f0'
const OTHER_TENANT = '11111111-abe6-4e40-9615-301f87bcb7f0'
const ISSUER = `https://login.microsoftonline.com/${TENANT}/v2.0`
const APP = 'b5ba7a93-4452-4522-aeb4-a2b5da870c16'
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

let hub: TestHub
let issuer: Awaited<ReturnType<typeof startIssuer>>
let sourceId: string
let n = 0
beforeAll(async () => {
  hub = await startHub({ TRUST_PROXY: '1' })
})
afterAll(() => hub.stop())
beforeEach(async () => {
  issuer = await startIssuer()
  sourceId = `wif-${++n}`
  await hub.client.createSource(sourceId, 'entra')
  return () => issuer.close()
})

const register = (more: object = {}) =>
  hub.client.api<{ id: string; clientId: string; tokenUrl: string }>(
    'POST',
    `/sources/${sourceId}/issuers`,
    {
      issuer: ISSUER,
      tenant: TENANT,
      audience: `api://${APP}/.default`,
      jwksUri: issuer.jwksUri,
      subject: 'sync-fabric',
      appId: APP,
      allowNetworks: ['127.0.0.0/8'],
      ...more,
    },
  )
const seconds = (): number => Math.floor(Date.now() / 1_000)
/** A claim of `undefined` is left out. */
type Claims = { [K in keyof JWTPayload]: JWTPayload[K] | undefined }
const claims = (more: Claims = {}): JWTPayload =>
  JSON.parse(
    JSON.stringify({
      iss: ISSUER,
      aud: `api://${APP}`,
      sub: 'sync-fabric',
      tid: TENANT,
      appid: APP,
      iat: seconds(),
      nbf: seconds(),
      exp: seconds() + 3_600,
      ...more,
    }),
  )
const scim = (token: string, source = sourceId, from = '192.0.2.9'): Promise<Response> =>
  fetch(`${hub.client.origin}/scim/${source}/v2/Users?count=0`, {
    headers: { authorization: `Bearer ${token}`, 'x-forwarded-for': from },
  })
const post = async (
  parameters: Record<string, string> | string,
  headers: Record<string, string> = {},
  source = sourceId,
) => {
  const response = await fetch(`${hub.client.origin}/oauth/${source}/token`, {
    method: 'POST',
    headers: new Headers(
      'Content-Type' in headers
        ? headers
        : { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    ),
    body: typeof parameters === 'string' ? parameters : new URLSearchParams(parameters).toString(),
  })
  return {
    status: response.status,
    headers: response.headers,
    // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
    json: (await response.json()) as any,
  }
}
const withAssertion = (assertion: string, more: Record<string, string> = {}) => ({
  grant_type: 'client_credentials',
  client_id: sourceId,
  client_assertion_type: ASSERTION,
  client_assertion: assertion,
  scope: 'scim',
  ...more,
})

describe('a signed token, presented at SCIM,', () => {
  test('of a registered issuer, is accepted, with `/.default` in the audience as well', async () => {
    await register()
    expect((await scim(await issuer.sign(claims()))).status).toBe(200)
    const aud = `api://${APP}/.default`
    expect((await scim(await issuer.sign(claims({ aud })))).status).toBe(200)
    expect(issuer.asked()).toBe(1)
    const shown = await hub.client.api('GET', `/sources/${sourceId}`)
    expect(shown).toMatchObject({ issuers: [{ issuer: ISSUER, tenant: TENANT, appId: APP }] })
  })

  test.each<[string, Claims]>([
    ['another tenant', { tid: OTHER_TENANT }],
    ['no tenant', { tid: undefined }],
    ['another issuer', { iss: `https://login.microsoftonline.com/${OTHER_TENANT}/v2.0` }],
    ['a slash more in the issuer', { iss: `${ISSUER}/` }],
    ['another audience', { aud: 'api://somebody-else' }],
    ['another subject', { sub: 'somebody-else' }],
    ['another application', { appid: 'somebody-else' }],
    ['an end long past', { exp: Math.floor(Date.now() / 1_000) - 120 }],
    ['no end', { exp: undefined }],
    ['a start to come', { nbf: Math.floor(Date.now() / 1_000) + 600 }],
  ])('with %s, is 401', async (_, wrong) => {
    await register()
    const answer = await scim(await issuer.sign(claims(wrong)))
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/)
  })

  test('a little past its end, is let pass within the tolerance', async () => {
    await register({ clockToleranceSeconds: 60 })
    expect((await scim(await issuer.sign(claims({ exp: seconds() - 10 })))).status).toBe(200)
  })

  test('signed by nobody, or with the public key as a secret, is 401', async () => {
    await register()
    const unsigned = (await issuer.sign(claims())).split('.')
    const none = Buffer.from('{"alg":"none"}').toString('base64url')
    expect((await scim(`${none}.${unsigned[1]}.`)).status).toBe(401)
    expect((await scim(`${unsigned[0]}.${unsigned[1]}.${'A'.repeat(342)}`)).status).toBe(401)
    const secret = Buffer.from(JSON.stringify(await issuer.publicJwk()))
    const confused = await new SignJWT(claims())
      .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
      .sign(secret)
    expect((await scim(confused)).status).toBe(401)
  })

  test('of another source, is 401', async () => {
    await register()
    await hub.client.createSource(`${sourceId}-other`)
    const token = await issuer.sign(claims())
    expect((await scim(token, `${sourceId}-other`)).status).toBe(401)
  })

  test('while the keys cannot be read, is 503 and never 401', async () => {
    await register()
    for (const how of ['error', 'redirect', 'large'] as const) {
      issuer.answers(how)
      const answer = await scim(await issuer.sign(claims()))
      expect(answer.status).toBe(503)
      expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
      const token = await post(withAssertion(await issuer.sign(claims())))
      expect([token.status, token.json.error]).toEqual([503, 'temporarily_unavailable'])
    }
    expect(issuer.asked()).toBe(1)
  })

  test('whose keys lie in a private network that nobody allowed, is 503, and nothing is asked', async () => {
    await register({ allowNetworks: [] })
    expect((await scim(await issuer.sign(claims()))).status).toBe(503)
    expect(issuer.asked()).toBe(0)
  })

  test('with keys that were registered themselves, asks nobody', async () => {
    await register({ jwksUri: undefined, jwks: { keys: [await issuer.publicJwk()] } })
    expect((await scim(await issuer.sign(claims()))).status).toBe(200)
    expect(issuer.asked()).toBe(0)
  })

  test('after its issuer was deleted, is refused at once', async () => {
    const { id } = await register()
    const token = await issuer.sign(claims())
    expect((await scim(token)).status).toBe(200)
    await hub.client.api('DELETE', `/sources/${sourceId}/issuers/${id}`)
    expect((await scim(token)).status).toBe(401)
  })
})

describe('the token endpoint', () => {
  test('with a client secret, by body and by Basic, several at once, gives a token for this source', async () => {
    const first = await hub.client.api('POST', `/sources/${sourceId}/client-secrets`)
    const second = await hub.client.api('POST', `/sources/${sourceId}/client-secrets`, {
      expiresInDays: 365,
    })
    expect(first).toMatchObject({
      clientId: sourceId,
      tokenUrl: `${hub.client.origin}/oauth/${sourceId}/token`,
    })
    const byBody = await post({
      grant_type: 'client_credentials',
      client_id: sourceId,
      client_secret: String(first['clientSecret']),
    })
    expect(byBody.status).toBe(200)
    expect(byBody.json).toMatchObject({ token_type: 'Bearer', expires_in: 3_600, scope: 'scim' })
    expect(byBody.headers.get('cache-control')).toBe('no-store')
    const basic = Buffer.from(`${sourceId}:${String(second['clientSecret'])}`).toString('base64')
    const byBasic = await post(
      { grant_type: 'client_credentials' },
      { authorization: `Basic ${basic}` },
    )
    expect(byBasic.status).toBe(200)

    const token: string = byBody.json.access_token
    expect((await scim(token)).status).toBe(200)
    await hub.client.createSource(`${sourceId}-other`)
    expect((await scim(token, `${sourceId}-other`)).status).toBe(401)
    expect((await scim(`${token.slice(0, -2)}xx`)).status).toBe(401)

    await hub.client.api('DELETE', `/sources/${sourceId}/client-secrets/${String(first['id'])}`)
    expect((await scim(token)).status).toBe(401)
    expect((await scim(byBasic.json.access_token)).status).toBe(200)
    const stored = await hub.database.connection.collection('sources').find().toArray()
    expect(JSON.stringify(stored)).not.toContain(second['clientSecret'])
  })

  test.each<[string, string, number, string]>([
    ['nothing', '', 400, 'invalid_request'],
    ['another grant', 'grant_type=password', 400, 'unsupported_grant_type'],
    ['no proof', 'grant_type=client_credentials', 401, 'invalid_client'],
    [
      'another scope',
      'grant_type=client_credentials&client_id=ID&client_secret=x&scope=admin',
      400,
      'invalid_scope',
    ],
    [
      'a parameter twice',
      'grant_type=client_credentials&client_id=ID&client_id=ID&client_secret=x',
      400,
      'invalid_request',
    ],
    [
      'a wrong secret',
      `grant_type=client_credentials&client_id=ID&client_secret=qtc_client_${'a'.repeat(43)}`,
      401,
      'invalid_client',
    ],
    [
      'another kind of assertion',
      'grant_type=client_credentials&client_assertion_type=saml&client_assertion=x',
      400,
      'invalid_request',
    ],
    [
      'two proofs',
      `grant_type=client_credentials&client_id=ID&client_secret=x&client_assertion=y&client_assertion_type=${ASSERTION}`,
      400,
      'invalid_request',
    ],
  ])('given %s, answers as RFC 6749 §5.2 has it', async (_, body, status, error) => {
    const answer = await post(body.replaceAll('ID', sourceId))
    expect([answer.status, answer.json.error]).toEqual([status, error])
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  test('given the SCIM token of the source, or JSON, or a GET, gives nothing', async () => {
    const basic = Buffer.from('broken').toString('base64')
    const broken = await post(
      { grant_type: 'client_credentials' },
      { authorization: `Basic ${basic}` },
    )
    expect(broken.status).toBe(401)
    expect(broken.headers.get('www-authenticate')).toMatch(/^Basic/)
    expect((await post('{}', { 'content-type': 'application/json' })).status).toBe(400)
    const get = await fetch(`${hub.client.origin}/oauth/${sourceId}/token`)
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST'])
    const large = await post({ grant_type: 'client_credentials', x: 'x'.repeat(20_000) })
    expect(large.json.error).toBe('invalid_request')
  })

  test('with an assertion, follows a rotation of keys, and refuses a second use of one `jti`', async () => {
    await register()
    const once = await issuer.sign(claims({ jti: 'one' }))
    const got = await post(withAssertion(once))
    expect(got.json).toMatchObject({ token_type: 'Bearer', expires_in: 3_600, scope: 'scim' })
    expect((await scim(got.json.access_token)).status).toBe(200)
    expect((await post(withAssertion(once))).json.error).toBe('invalid_client')
    // Entra's have no jti, and come again as long as they live.
    const entra = await issuer.sign(claims())
    expect((await post(withAssertion(entra))).status).toBe(200)
    expect((await post(withAssertion(entra))).status).toBe(200)
    expect((await post(withAssertion(entra, { client_id: 'somebody' }))).status).toBe(401)
  })

  test('of a source that does not exist, answers like a wrong proof', async () => {
    const secret = `qtc_client_${'a'.repeat(43)}`
    const body = { grant_type: 'client_credentials', client_id: 'nobody', client_secret: secret }
    const answer = await post(body, {}, 'nobody')
    expect([answer.status, answer.json.error]).toEqual([401, 'invalid_client'])
  })
})

describe('the requests of Entra', () => {
  interface Vector {
    id: string
    request: { method: string; headers: Record<string, string>; body: string }
    expect: { status: number; statusAlso?: number[] }
  }
  const file = join(import.meta.dirname, '../conformance/idp-requests.json')
  const vectors = (JSON.parse(readFileSync(file, 'utf8')) as Vector[]).filter(({ id }) =>
    id.startsWith('entra-wif-token'),
  )
  expect(vectors.length).toBeGreaterThan(0)

  test.each(vectors.map((vector) => [vector.id, vector] as const))('%s', async (_, vector) => {
    await register()
    const variables: Record<string, string> = {
      clientId: sourceId,
      entraJwt: await issuer.sign(claims()),
      otherTenantJwt: await issuer.sign(
        claims({ tid: OTHER_TENANT, iss: ISSUER.replace(TENANT, OTHER_TENANT) }),
      ),
    }
    const body = vector.request.body.replace(/\{(\w+)\}/g, (whole, name: string) => {
      const value = variables[name]
      if (value === undefined) throw new Error(`the vector wants ${whole}`)
      return value
    })
    const answer = await post(body, vector.request.headers)
    expect(answer.status).toBe(vector.expect.status)
    if (vector.expect.status === 200) {
      expect(answer.json).toMatchObject({ token_type: 'Bearer' })
      expect(answer.json.expires_in).toBeGreaterThanOrEqual(3_600)
      expect((await scim(answer.json.access_token)).status).toBe(200)
    } else {
      expect(answer.json.error).toBe('invalid_client')
      expect(answer.json.access_token).toBeUndefined()
    }
  })
})

describe('issuers, as they are registered,', () => {
  test.each<[string, object]>([
    ['without a tenant for Entra', { tenant: undefined }],
    ['with another tenant than the address', { tenant: OTHER_TENANT }],
    [
      'for every tenant',
      { issuer: 'https://login.microsoftonline.com/common/v2.0', tenant: TENANT },
    ],
    ['without keys', { jwksUri: undefined }],
    ['with a private key', { jwksUri: undefined, jwks: { keys: [{ kty: 'RSA', d: 'x' }] } }],
    ['with a shared secret', { jwksUri: undefined, jwks: { keys: [{ kty: 'oct', k: 'x' }] } }],
    ['with keys on a file', { jwksUri: 'file:///etc/passwd' }],
    ['with a network that is none', { allowNetworks: ['10.0.0.0'] }],
  ])('%s, are refused', async (_, wrong) => {
    await expect(register(wrong)).rejects.toThrow('ERR_INVALID_VALUE')
  })
})

describe('a source with networks of its own', () => {
  test('called from elsewhere, is 403 before the body is read, and counted', async () => {
    const okta = await hub.client.createSource(`${sourceId}-fenced`)
    const { headers } = await hub.client.raw('GET', `/api/v1/sources/${sourceId}-fenced`)
    const change = { allowedNetworks: ['192.0.2.0/24', '2001:db8::/32'] }
    const changed = await hub.client.api('PATCH', `/sources/${sourceId}-fenced`, change, {
      'if-match': headers.get('etag') ?? '',
    })
    expect(changed).toMatchObject(change)
    const from = (address: string, body?: string): Promise<Response> =>
      fetch(`${okta.base}/Users${body === undefined ? '?count=0' : ''}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          authorization: `Bearer ${okta.token}`,
          'x-forwarded-for': address,
          'content-type': 'application/scim+json',
        },
        ...(body === undefined ? {} : { body }),
      })
    expect((await from('192.0.2.77')).status).toBe(200)
    expect((await from('2001:db8::1')).status).toBe(200)
    const elsewhere = await from('198.51.100.1', '{broken')
    expect(elsewhere.status).toBe(403)
    expect(await elsewhere.json()).toMatchObject({ status: '403' })
    expect((await scim('qtc_scim_wrong', okta.sourceId, '198.51.100.1')).status).toBe(401)
    const made = await hub.client.api('POST', `/sources/${okta.sourceId}/client-secrets`)
    const proof = {
      grant_type: 'client_credentials',
      client_id: okta.sourceId,
      client_secret: String(made['clientSecret']),
    }
    const ask = (address: string) =>
      post(new URLSearchParams(proof).toString(), { 'x-forwarded-for': address }, okta.sourceId)
    expect((await ask('192.0.2.77')).status).toBe(200)
    expect(await ask('198.51.100.1')).toMatchObject({
      status: 403,
      json: { error: 'unauthorized_client' },
    })
    const metrics = await (await hub.client.raw('GET', '/metrics')).text()
    expect(metrics).toContain('hub_source_address_refused_total 2')
    const alert = await eventually('the alert', async () => {
      const path = '/alerts?rule=source-address-refused'
      return (await hub.client.api<{ items: object[] }>('GET', path)).items[0]
    })
    expect(alert).toMatchObject({
      about: { sourceId: okta.sourceId },
      facts: { address: '198.51.100.1' },
    })
  })
})
