import type { Account, Seed } from '../../../demo/apps/accounts.ts'
import { startWebhookApp } from '../../../demo/apps/webhook-app.ts'
import type { KitWorld, SeenRequest } from '../../../src/connector-sdk/kit/world.ts'
import { startFaultProxy } from '../../../test/support/fault-proxy.ts'

const people: Seed[] = [
  { userName: 'bystander1@example.com', externalId: 'emp-1' },
  { userName: 'bystander2@example.com', externalId: 'emp-2' },
  { userName: 'jane@example.com', externalId: 'emp-7' },
  { userName: 'twin@example.com', externalId: 'emp-8' },
  { userName: 'twin.old@example.com', externalId: 'emp-9' },
]

const whsec = (text: string): string => `whsec_${Buffer.from(text).toString('base64')}`

/** A real receiver of signed requests behind a proxy that can misbehave. */
export async function webhookWorld(config: object = {}): Promise<KitWorld> {
  const secrets = {
    doer: whsec('canary of the doer, 5d1c77'),
    witness: whsec('canary of the witness, 90ab12'),
  }
  const app = await startWebhookApp({ accounts: people, secrets })
  const proxy = await startFaultProxy(app.origin)
  const jane = app.accounts().find(({ userName }) => userName === 'jane@example.com')
  const id = jane?.id ?? ''
  app.book.signIn('jane@example.com')
  const person = { sourceId: 's', userId: 'u', emails: [] }
  const typeOf = ({ body }: SeenRequest): string => (JSON.parse(body) as { type: string }).type
  const isWrite = (asked: SeenRequest): boolean => /\.(revoke|restore)$/.test(typeOf(asked))
  const isList = (asked: SeenRequest): boolean => typeOf(asked) === 'account.list'
  return {
    app: {
      id: 'app',
      connectorId: 'webhook',
      config: { url: `${proxy.origin}/hooks/access`, ...config },
      allowNetworks: ['127.0.0.0/8'],
    },
    secrets: { signingSecret: secrets.doer, witnessSigningSecret: secrets.witness },
    subject: { ...person, userName: 'Jane@Example.com', externalId: 'emp-7' },
    stranger: { ...person, userName: 'nobody@example.com', externalId: 'emp-0' },
    twins: { ...person, userName: 'twin@example.com', externalId: 'emp-9' },
    accountId: id,
    strangerId: 'no-such-account',
    isLive: (facet) =>
      facet === 'session' ? app.book.sessionCount(id) > 0 : (app.book.byId(id)?.active ?? false),
    bystandersHit: () =>
      people.length -
      1 -
      app.accounts().filter((account) => account.id !== id && account.active).length,
    wire: { seen: proxy.seen, inject: proxy.inject, isWrite },
    tricks: {
      lie: () => proxy.inject({ kind: 'lie', body: () => '{"result":"done"}' }, isWrite),
      ignoreFilter: () =>
        proxy.inject(
          { kind: 'lie', body: () => listOf(app.accounts()) },
          (asked) => typeOf(asked) === 'account.find',
        ),
      repeatPages: () =>
        proxy.inject({ kind: 'lie', body: () => listOf(app.accounts(), 'same') }, isList),
    },
    cannot: { hideRows: 'these listings carry no count of their own' },
    close: async () => {
      await proxy.close()
      await app.close()
    },
  }
}

function listOf(accounts: readonly Account[], next?: string): string {
  const shown = accounts.map(({ id, userName, externalId, email, active }) => ({
    id,
    userName,
    externalId,
    emails: [email],
    active,
  }))
  return JSON.stringify({ accounts: shown, next })
}
