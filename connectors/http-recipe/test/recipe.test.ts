import { describe, expect, test } from 'vitest'
import type { KitWorld } from '../../../src/connector-sdk/kit/world.ts'
import { testKit } from '../../../test/support/kit.ts'
import { scimWorld } from '../../scim/test/world.ts'
import { stateOf } from '../api.ts'
import { recipeConfig } from '../config.ts'
import recipe from '../index.ts'
import { valueAt } from '../pointer.ts'
import { renderJson, renderPath } from '../template.ts'

const setActive = (value: boolean): object => ({
  method: 'PATCH',
  path: '/Users/{id}',
  headers: { 'content-type': 'application/scim+json' },
  body: {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [{ op: 'replace', path: 'active', value }],
  },
})
const searching = {
  method: 'GET',
  items: '/Resources',
  total: '/totalResults',
  paging: { kind: 'offset', param: 'startIndex', first: 1 },
}
const scimByRecipe = (baseUrl: string): object => ({
  baseUrl,
  account: { id: '/id', userName: '/userName', externalId: '/externalId', emails: '/emails' },
  correlateBy: ['userName', 'externalId'],
  find: {
    ...searching,
    path: '/Users?count=2&filter=userName eq "{userName:json}" or externalId eq "{externalId:json}"',
  },
  list: { ...searching, path: '/Users?count=2' },
  facets: [
    {
      facet: 'account',
      reversible: true,
      revoke: setActive(false),
      restore: setActive(true),
      observe: {
        method: 'GET',
        path: '/Users/{id}',
        live: { at: '/active', equals: true },
        dead: { at: '/active', equals: false },
      },
    },
  ],
})

/** The SCIM server again, asked by a recipe that knows no SCIM. */
async function recipeWorld(): Promise<KitWorld> {
  const world = await scimWorld()
  const { baseUrl } = world.app.config as { baseUrl: string }
  const { token = '', witnessToken = '' } = world.secrets
  return {
    ...world,
    app: { ...world.app, connectorId: 'http-recipe', config: scimByRecipe(baseUrl) },
    secrets: { secret: token, witnessSecret: witnessToken },
  }
}

describe('http-recipe, the kit', () => {
  testKit({ connector: recipe, start: recipeWorld }, 'scimmy-routers')
})

describe('a recipe', () => {
  test('a value with a quote and a slash, in path, filter and body, stays a value', () => {
    const values = { id: 'a/b?c', userName: 'x" or 1 eq 1 or "' }
    expect(renderPath('/u/{id}?f=name eq "{userName:json}"', values)).toBe(
      `/u/a%2Fb%3Fc?f=name eq "${encodeURIComponent('x\\" or 1 eq 1 or \\"')}"`,
    )
    expect(renderJson({ a: ['{userName}', 1] }, values)).toEqual({ a: [values.userName, 1] })
  })

  test.each(['.', '..', ''])('an id %j, in a path, is refused', (id) => {
    expect(() => renderPath('/u/{id}', { id })).toThrow(
      expect.objectContaining({ fault: 'invalid' }),
    )
  })

  test('a name that no recipe knows, is found at registration', () => {
    const config = scimByRecipe('https://app.example') as { facets: { revoke: { path: string } }[] }
    for (const { revoke } of config.facets) revoke.path = '/u/{user}'
    expect(recipeConfig.safeParse(config).success).toBe(false)
    expect(recipeConfig.safeParse(scimByRecipe('https://app.example')).success).toBe(true)
  })

  test.each([
    ['', { a: 1 }],
    ['/a', undefined],
    ['/l/0/x~1y', 7],
    ['/__proto__', undefined],
  ])('a pointer %j, is followed', (pointer, expected) => {
    const value = pointer === '' ? { a: 1 } : { l: [{ 'x/y': 7 }] }
    expect(valueAt(value, pointer)).toEqual(expected)
  })

  const isActive = { at: '/active', equals: true }
  const hasNoTokens = { at: '/tokens', empty: true }
  test.each([
    [200, { active: true, tokens: [1] }, 'live'],
    [200, { active: false, tokens: [] }, 'dead'],
    [200, { active: false, tokens: [1] }, 'unknown'],
    [200, { active: true, tokens: [] }, 'unknown'],
    [200, {}, 'unknown'],
    [404, {}, 'absent'],
  ])('read-back, %i %j, is %s', (status, json, state) => {
    const body = JSON.stringify(json)
    const evidence = { method: 'GET', target: 'app/u/1', status, at: 0, body }
    const observe = {
      method: 'GET' as const,
      path: '/u/{id}',
      headers: {},
      live: isActive,
      dead: hasNoTokens,
      absent: [404],
    }
    const options = { what: 'read', isRead: true, now: 0 }
    expect(stateOf({ status, headers: {}, body, evidence }, observe, options)).toBe(state)
  })
})
