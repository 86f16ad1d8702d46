import type { KitWorld, SeenRequest } from '../../../src/connector-sdk/kit/world.ts'
import { type FaultProxy, startFaultProxy } from '../../../test/support/fault-proxy.ts'
import { type FakeMember, type SlackState, startFakeSlack } from './fake.ts'

const member = (id: string, userName: string): FakeMember => ({
  id,
  userName,
  externalId: `emp-${id}`,
  email: `${userName}@example.com`,
  active: true,
})
const session = (session_id: number, user_id: string, team_id: string) => ({
  session_id,
  user_id,
  team_id,
  cookie: `d=${user_id}-${session_id}`,
})

const fresh = (): SlackState => ({
  members: [
    member('UHUB', 'hub'),
    member('UOWNER', 'owner'),
    member('U7', 'jane'),
    member('U8', 'twin'),
    member('U9', 'twin.old'),
  ],
  sessions: [
    session(1, 'UHUB', 'T1'),
    session(2, 'U8', 'T1'),
    session(3, 'UOWNER', 'T2'),
    session(4, 'U7', 'T1'),
    session(5, 'U7', 'T2'),
  ],
})

export interface SlackWorld extends KitWorld {
  slack: SlackState
  proxy: FaultProxy
  /** What a call with a cookie of the person is answered. */
  useSession(cookie: string): Promise<number>
}

const TOKENS = { doer: 'xoxp-canary-doer-5d1c77', witness: 'xoxp-canary-witness-90ab12' }

/** Slack as its documentation has it, behind a proxy that can misbehave. */
export async function slackWorld(config: object = {}): Promise<SlackWorld> {
  const slack = fresh()
  const server = await startFakeSlack(slack, (authorization) => {
    if (authorization === `Bearer ${TOKENS.doer}`) return { userId: 'UHUB', isWriter: true }
    if (authorization === `Bearer ${TOKENS.witness}`) return { userId: 'UHUB', isWriter: false }
    return undefined
  })
  const proxy = await startFaultProxy(server.origin)
  const person = { sourceId: 's', userId: 'u', emails: [] }
  const isWrite = ({ method, path }: SeenRequest): boolean =>
    method === 'PATCH' || path.endsWith('session.reset')
  const isSearch = ({ path }: SeenRequest): boolean => path.startsWith('/scim/v2/Users?')
  const listing = (some: readonly FakeMember[], totalResults: number): string =>
    JSON.stringify({
      totalResults,
      Resources: some.map(({ email, ...one }) => ({ ...one, emails: [{ value: email }] })),
    })
  return {
    slack,
    proxy,
    useSession: async (cookie) =>
      (await fetch(`${server.origin}/client`, { headers: { cookie } })).status,
    app: {
      id: 'app',
      connectorId: 'slack',
      config: {
        plan: 'enterprise',
        correlateBy: ['userName', 'externalId'],
        settleSeconds: 0,
        scimUrl: `${proxy.origin}/scim/v2`,
        apiUrl: `${proxy.origin}/api`,
        ...config,
      },
      allowNetworks: ['127.0.0.0/8'],
    },
    secrets: { token: TOKENS.doer, witnessToken: TOKENS.witness },
    subject: { ...person, userName: 'Jane@example.com', externalId: 'emp-U7' },
    stranger: { ...person, userName: 'nobody@example.com', externalId: 'emp-0' },
    twins: { ...person, userName: 'twin@example.com', externalId: 'emp-U9' },
    accountId: 'U7',
    strangerId: 'U999',
    isLive: (facet) =>
      facet === 'account'
        ? slack.members.some(({ id, active }) => id === 'U7' && active)
        : slack.sessions.some(({ user_id }) => user_id === 'U7'),
    bystandersHit: () =>
      slack.members.filter(({ id, active }) => id !== 'U7' && !active).length +
      (slack.sessions.filter(({ user_id }) => user_id !== 'U7').length === 3 ? 0 : 1),
    wire: { seen: proxy.seen, inject: proxy.inject, isWrite },
    tricks: {
      lie: () => proxy.inject({ kind: 'lie', body: () => JSON.stringify({ ok: true }) }, isWrite),
      ignoreFilter: () =>
        proxy.inject(
          { kind: 'lie', body: () => listing(slack.members, slack.members.length) },
          isSearch,
        ),
      repeatPages: () =>
        proxy.inject({ kind: 'lie', body: () => listing(slack.members.slice(0, 2), 5) }, isSearch),
      hideRows: () =>
        proxy.inject(
          {
            kind: 'lie',
            body: ({ path }) =>
              listing(path.includes('startIndex=1&') ? slack.members.slice(0, 2) : [], 5),
          },
          isSearch,
        ),
    },
    cannot: {},
    close: async () => {
      await proxy.close()
      await server.close()
    },
  }
}
