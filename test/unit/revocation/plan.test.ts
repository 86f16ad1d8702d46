import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FacetSpec } from '../../../src/connector-sdk/contract.ts'
import { NO_ACCESS } from '../../../src/directory/access.ts'
import {
  grantingGroups,
  isEntitled,
  type PlannedApp,
  planAccess,
  revocationOrder,
} from '../../../src/revocation/plan.ts'
import type { AppRecord, AppScope } from '../../../src/revocation/types.ts'

const facet = (name: FacetSpec['facet'], more: Partial<FacetSpec> = {}): FacetSpec => ({
  facet: name,
  enumerate: 'complete',
  revoke: 'api',
  observe: 'strong',
  settleMs: 0,
  residualMs: 0,
  reversible: true,
  ...more,
})

const app = (id: string, scope: AppScope): PlannedApp => ({
  app: {
    id,
    name: id,
    connectorId: 'scim',
    config: {},
    scope,
    class: 2,
    owners: ['owner@example.com'],
    state: 'active',
    allowNetworks: [],
    createdAt: 0,
    updatedAt: 0,
    version: 1,
  } satisfies AppRecord,
  facets: [facet('account')],
})

const inGroups = (id: string, ...groupIds: string[]): PlannedApp =>
  app(id, { kind: 'groups', groups: groupIds.map((groupId) => ({ sourceId: 's', groupId })) })

const employed = (...groupIds: string[]) => ({ active: true, groupIds: new Set(groupIds) })
const gone = (...groupIds: string[]) => ({ active: false, groupIds: new Set(groupIds) })

const plan = (
  apps: PlannedApp[],
  before = NO_ACCESS as ReturnType<typeof employed>,
  after = NO_ACCESS as ReturnType<typeof employed>,
  lanes: { touched?: string[]; open?: string[] } = {},
) =>
  planAccess({
    sourceId: 's',
    before,
    after,
    apps,
    touchedAppIds: new Set(lanes.touched ?? lanes.open),
    openAppIds: new Set(lanes.open),
  })
const ids = (apps: readonly PlannedApp[] | undefined) => apps?.map((p) => p.app.id)

describe('plan', () => {
  const everywhere = app('mail', { kind: 'everyone' })
  const elsewhere = app('crm', { kind: 'everyone', sourceIds: ['other'] })
  const finance = inGroups('finance', 'g1', 'g2')

  test('a leaver, apps of several scopes, loses exactly the apps that covered them', () => {
    const result = plan([everywhere, elsewhere, finance], employed('g1'), gone('g1'))
    expect(result?.kind).toBe('leaver')
    expect(ids(result?.revoke)).toEqual(['mail', 'finance'])
  })

  test('a leaver, an app whose earlier revocation is open, is revoked there again by the newest case', () => {
    const result = plan([everywhere, finance], employed(), gone(), { open: ['finance'] })
    expect(ids(result?.revoke)).toEqual(['mail', 'finance'])
  })

  test('a leaver, no app at all, still opens a case', () => {
    expect(plan([], employed(), gone())).toEqual({ kind: 'leaver', revoke: [], restore: [] })
  })

  test('a mover, one of two granting groups lost, loses nothing', () => {
    expect(plan([everywhere, finance], employed('g1', 'g2'), employed('g2'))).toBeUndefined()
  })

  test('a mover, the last granting group lost, loses that app only', () => {
    const result = plan([everywhere, finance], employed('g1'), employed())
    expect(result?.kind).toBe('mover')
    expect(ids(result?.revoke)).toEqual(['finance'])
  })

  test('a returner, apps that the hub touched, gets only those restored', () => {
    const result = plan([everywhere, finance], gone('g1'), employed('g1'), { touched: ['mail'] })
    expect(ids(result?.revoke)).toEqual([])
    expect(ids(result?.restore)).toEqual(['mail'])
  })

  test('an inactive person, any change of groups, is left alone', () => {
    expect(plan([finance], gone('g1'), gone())).toBeUndefined()
  })

  test('granting groups, several sources, names only those of the source asked', () => {
    const mixed = app('x', {
      kind: 'groups',
      groups: [
        { sourceId: 's', groupId: 'g1' },
        { sourceId: 'other', groupId: 'g9' },
      ],
    })
    expect([...grantingGroups([mixed.app, everywhere.app], 's')]).toEqual(['g1'])
  })

  test('any change, any apps, revokes every app that was granted before and is not after', () => {
    const groups = fc.uniqueArray(fc.constantFrom('g1', 'g2', 'g3'))
    const state = fc.record({ active: fc.boolean(), groupIds: groups.map((g) => new Set(g)) })
    fc.assert(
      fc.property(state, state, (before, after) => {
        const apps = [everywhere, elsewhere, finance, inGroups('dev', 'g3')]
        const lost = apps.filter(
          (a) => isEntitled(a.app, 's', before) && !isEntitled(a.app, 's', after),
        )
        const result = plan(apps, before, after)
        expect(ids(result?.revoke) ?? []).toEqual(ids(lost))
      }),
    )
  })
})

describe('revocation order', () => {
  test('facets with before, listed the other way round, are sorted', () => {
    const order = revocationOrder([
      facet('api_token'),
      facet('session', { before: ['api_token'] }),
      facet('account', { before: ['session'] }),
    ])
    expect(order.map((spec) => spec.facet)).toEqual(['account', 'session', 'api_token'])
  })

  test('a facet that can be neither revoked nor read, in the manifest, is not owed', () => {
    expect(revocationOrder([facet('session', { revoke: 'none', observe: 'none' })])).toEqual([])
  })

  test('a circle in the manifest, all its facets, are still owed', () => {
    const order = revocationOrder([
      facet('account', { before: ['session'] }),
      facet('session', { before: ['account'] }),
    ])
    expect(order).toHaveLength(2)
  })
})
