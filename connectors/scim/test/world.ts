import type { Account, Seed } from '../../../demo/apps/accounts.ts'
import { startScimApp } from '../../../demo/apps/scim-app.ts'
import type { KitWorld, SeenRequest } from '../../../src/connector-sdk/kit/world.ts'
import { startFaultProxy } from '../../../test/support/fault-proxy.ts'

const people: Seed[] = [
  { userName: 'bystander1@example.com', externalId: 'emp-1' },
  { userName: 'bystander2@example.com', externalId: 'emp-2' },
  { userName: 'jane@example.com', externalId: 'emp-7' },
  // Two accounts of one person: one by name, one by employee number.
  { userName: 'twin@example.com', externalId: 'emp-8' },
  { userName: 'twin.old@example.com', externalId: 'emp-9' },
]

/** A real SCIM server (scimmy-routers) behind a proxy that can misbehave. */
export async function scimWorld(config: object = {}): Promise<KitWorld> {
  const tokens = { doer: 'canary-doer-5d1c77', witness: 'canary-witness-90ab12' }
  const app = await startScimApp({ accounts: people, tokens })
  const proxy = await startFaultProxy(new URL(app.url).origin)
  const jane = app.accounts().find(({ userName }) => userName === 'jane@example.com')
  const id = jane?.id ?? ''
  const person = { sourceId: 's', userId: 'u', emails: [] }
  const isList = (asked: SeenRequest): boolean =>
    asked.method === 'GET' && asked.path.includes('/Users?')
  const isWrite = (asked: SeenRequest): boolean => asked.method !== 'GET'
  return {
    app: {
      id: 'app',
      connectorId: 'scim',
      config: { baseUrl: `${proxy.origin}/scim/v2`, pageSize: 2, ...config },
      allowNetworks: ['127.0.0.0/8'],
    },
    secrets: { token: tokens.doer, witnessToken: tokens.witness },
    subject: { ...person, userName: 'Jane@Example.com', externalId: 'emp-7' },
    stranger: { ...person, userName: 'nobody@example.com', externalId: 'emp-0' },
    twins: { ...person, userName: 'twin@example.com', externalId: 'emp-9' },
    accountId: id,
    strangerId: '00000000-0000-4000-8000-000000000000',
    isLive: () => app.book.byId(id)?.active ?? false,
    bystandersHit: () =>
      people.length -
      1 -
      app.accounts().filter((account) => account.id !== id && account.active).length,
    wire: { seen: proxy.seen, inject: proxy.inject, isWrite },
    tricks: {
      lie: () =>
        proxy.inject({ kind: 'lie', body: () => JSON.stringify(shown(jane, false)) }, isWrite),
      ignoreFilter: () =>
        proxy.inject({ kind: 'lie', body: () => listOf(app.accounts()) }, (asked) =>
          asked.path.includes('filter='),
        ),
      repeatPages: () =>
        proxy.inject({ kind: 'lie', body: () => listOf(app.accounts().slice(0, 2), 5) }, isList),
      hideRows: () =>
        proxy.inject(
          {
            kind: 'lie',
            body: ({ path }) =>
              listOf(path.includes('startIndex=1&') ? app.accounts().slice(0, 2) : [], 5),
          },
          isList,
        ),
    },
    cannot: {},
    close: async () => {
      await proxy.close()
      await app.close()
    },
  }
}

function shown(account: Account | undefined, active = account?.active): object {
  return { id: account?.id, userName: account?.userName, externalId: account?.externalId, active }
}

function listOf(accounts: readonly Account[], totalResults = accounts.length): string {
  const Resources = accounts.map((account) => shown(account))
  return JSON.stringify({ totalResults, startIndex: 1, itemsPerPage: accounts.length, Resources })
}
