import {
  ConnectorError,
  check,
  defineConnector,
  type FacetSpec,
  nothingToPutBack,
  notTried,
  observed,
  preview,
} from '#connector-sdk'
import { type SlackConfig, slackConfig } from './config.ts'
import {
  correlate,
  existing,
  find,
  memberById,
  memberPage,
  seenMember,
  setActive,
} from './members.ts'
import { openSessions, resetSessions, sessionPage } from './web-api.ts'

const account: FacetSpec = {
  facet: 'account',
  enumerate: 'complete',
  revoke: 'api',
  observe: 'strong',
  settleMs: 0,
  residualMs: 0,
  reversible: true,
  before: ['session'],
}
const session: FacetSpec = {
  facet: 'session',
  enumerate: 'none',
  revoke: 'api',
  observe: 'eventual',
  settleMs: 30_000,
  residualMs: 0,
  reversible: false,
}

/** Members of a Slack workspace or organization. */
export default defineConnector<SlackConfig>({
  manifest: {
    id: 'slack',
    version: '1.0.0',
    title: 'Slack',
    configSchema: slackConfig,
    secrets: {
      token: {
        title: 'User token of an owner that may deactivate members',
        required: true,
        inHeader: true,
      },
      witnessToken: { title: 'User token that only reads back', required: false, inHeader: true },
    },
    facets: [account, session],
    // "Update a user: 180 per minute", for all apps of the organization together.
    limits: { concurrency: 2, perSecond: 2, timeoutMs: 15_000 },
    quarantineMs: 60_000,
    absenceIs: 'suspect',
  },

  facetsOf: ({ plan, settleSeconds }) =>
    plan === 'business'
      ? [account]
      : [
          account,
          {
            ...session,
            observe: settleSeconds === 0 ? 'strong' : 'eventual',
            settleMs: settleSeconds * 1_000,
          },
        ],

  test: async (call) => [
    await check('account.list', async () => {
      const { members } = await memberPage({ startIndex: 1, count: 1 }, call)
      return `read ${members.length} member(s)`
    }),
    notTried('account'),
    ...(call.config.plan === 'business'
      ? []
      : [
          await check('session.observe', async () => {
            await sessionPage({ limit: '1' }, call)
            return 'sessions can be listed'
          }),
          notTried('session'),
        ]),
  ],

  correlate,

  list: async (facet, of, cursor, call) => {
    if (facet !== 'account') throw new ConnectorError('unsupported', `no listing of ${facet}`)
    if (of !== 'everyone') {
      const found = await find(of, call)
      return {
        items: found.map(({ member, evidence }) => seenMember(member, evidence)),
        complete: true,
      }
    }
    const [from, after] = cursor === undefined ? [1, ''] : (JSON.parse(cursor) as [number, string])
    const { members, total, response } = await memberPage({ startIndex: from }, call)
    const { evidence } = response
    if (members[0] !== undefined && members[0].id === after) {
      throw new ConnectorError('unsupported', 'the listing does not advance', { evidence })
    }
    const seen = from - 1 + members.length
    const isLast = members.length === 0 || seen >= total
    return {
      items: members.map((member) => seenMember(member, evidence)),
      ...(isLast ? {} : { next: JSON.stringify([seen + 1, members[0]?.id]) }),
      complete: !isLast || seen >= total,
    }
  },

  revoke: async (handle, call) => {
    if (handle.facet === 'account') return setActive(handle, false, call)
    if (handle.facet !== 'session' || call.config.plan === 'business') {
      throw new ConnectorError('unsupported', `no ${handle.facet} on this plan`)
    }
    const { member, evidence } = await existing(handle, call)
    if (call.dryRun) return preview(call, { method: 'POST', target: evidence.target })
    return { kind: 'done', evidence: await resetSessions(member.id, call) }
  },

  restore: async (handle, _undo, call) => {
    if (handle.facet === 'account') return setActive(handle, true, call)
    throw nothingToPutBack()
  },

  observe: async (handle, call) => {
    const { member, response } = await memberById(handle, call)
    if (member === undefined) return observed(handle, 'absent', response.evidence)
    if (handle.facet === 'account') return seenMember(member, response.evidence)
    if (handle.facet !== 'session' || call.config.plan === 'business') {
      throw new ConnectorError('unsupported', `${handle.facet} cannot be read back`)
    }
    const { count, evidence } = await openSessions(member.id, call)
    return observed(handle, count === 0 ? 'dead' : 'live', evidence)
  },
})
