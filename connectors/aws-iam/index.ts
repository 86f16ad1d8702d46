import {
  type Ack,
  type CallContext,
  ConnectorError,
  check,
  compareKeys,
  defineConnector,
  type Evidence,
  type Facet,
  type FacetSpec,
  type Handle,
  inTurn,
  joinEvidence,
  type Match,
  nothingToPutBack,
  type Observation,
  preview,
  type Subject,
} from '#connector-sdk'
import { ask, lookUp } from './client.ts'
import { type AwsIamConfig, awsIamConfig, CREDENTIAL_FACETS } from './config.ts'
import { type Credential, credentials } from './credentials.ts'
import {
  allowAccount,
  denyAccount,
  endSessions,
  observeAccount,
  observeSessions,
} from './policies.ts'

type Call = CallContext<AwsIamConfig>

const ended = { revoke: 'api', observe: 'eventual', settleMs: 15_000, residualMs: 0 } as const
const REVERSIBLE: readonly Facet[] = ['api_token', 'ssh_key', 'signing_key', 'membership']

const account: FacetSpec = {
  facet: 'account',
  enumerate: 'complete',
  ...ended,
  reversible: true,
  before: CREDENTIAL_FACETS,
}
const others: readonly FacetSpec[] = CREDENTIAL_FACETS.map((facet, index) => ({
  facet,
  enumerate: 'none',
  ...ended,
  reversible: REVERSIBLE.includes(facet),
  // A key that was inactive before must not become active: only what was taken goes back.
  ...(REVERSIBLE.includes(facet) ? { undoNeeds: 'facts' } : {}),
  before: CREDENTIAL_FACETS.slice(index + 1),
}))

/** Users of AWS Identity and Access Management, in one AWS account. */
export default defineConnector<AwsIamConfig>({
  manifest: {
    id: 'aws-iam',
    version: '1.0.0',
    title: 'AWS IAM',
    configSchema: awsIamConfig,
    secrets: {
      accessKeyId: { title: 'Access key id that may deny and deactivate', required: true },
      secretAccessKey: { title: 'Its secret access key', required: true },
      witnessAccessKeyId: { title: 'Access key id that may only read', required: false },
      witnessSecretAccessKey: { title: 'Its secret access key', required: false },
    },
    facets: [account, ...others],
    // IAM has a small budget for the whole AWS account.
    limits: { concurrency: 2, perSecond: 5, timeoutMs: 15_000 },
    quarantineMs: 60_000,
    absenceIs: 'suspect',
  },

  facetsOf: ({ facets, keys, settleSeconds }) =>
    [account, ...others]
      .filter(({ facet }) => facet === 'account' || facets.some((chosen) => chosen === facet))
      .map((spec) => ({
        ...spec,
        observe: settleSeconds === 0 ? 'strong' : 'eventual',
        settleMs: settleSeconds * 1_000,
        reversible:
          spec.reversible &&
          (keys === 'deactivate' || spec.facet === 'account' || spec.facet === 'membership'),
      })),

  test: async (call) => [
    await check('account.list', async () => {
      const { output } = await ask(call, (iam) => iam.listUsers({ MaxItems: 1 }))
      return `read ${output.Users?.length ?? 0} user(s)`
    }),
    { name: 'account.revoke', ok: true, detail: 'not tried: a test writes nothing' },
    ...call.config.facets.map((facet) => ({
      name: `${facet}.revoke`,
      ok: true,
      detail: 'not tried: a test writes nothing',
    })),
  ],

  correlate: async (subject, call) => {
    const found = new Map<string, Match>()
    for (const name of namesOf(subject, call.config)) {
      const { user, evidence } = await userNamed(name, call)
      if (user === undefined) continue
      // The server was asked for a name; that it answered with that one is checked here.
      const hit = compareKeys({ ...subject, userName: name }, { userName: user.name }, ['userName'])
      if (hit === undefined) continue
      const because = await protection(user, call)
      found.set(user.id, { handle: handleOf(user), ...hit, ...because, evidence })
    }
    return [...found.values()]
  },

  list: async (facet, of, cursor, call) => {
    if (facet !== 'account') throw new ConnectorError('unsupported', `no listing of ${facet}`)
    if (of !== 'everyone') {
      const found: Observation[] = []
      for (const name of namesOf(of, call.config)) {
        const { user, evidence } = await userNamed(name, call)
        if (user !== undefined) found.push(listed(user, evidence))
      }
      return { items: found, complete: true }
    }
    const { output, evidence } = await ask(call, (iam) =>
      iam.listUsers(cursor === undefined ? {} : { Marker: cursor }),
    )
    const next = output.IsTruncated === true ? output.Marker : undefined
    return {
      items: (output.Users ?? []).map((user) => listed(userOf(user), evidence)),
      ...(next === undefined ? {} : { next }),
      complete: true,
    }
  },

  revoke: async (handle, call) => {
    const { name, evidence } = await userOfHandle(handle, call)
    if (name === undefined) throw new ConnectorError('gone', 'no such user', { evidence })
    if (handle.facet === 'account') return denyAccount(name, call)
    if (handle.facet === 'session') return endSessions(name, call)
    return end(credentialOf(handle.facet), name, call)
  },

  observe: async (handle, call) => {
    const { name, evidence } = await userOfHandle(handle, call)
    if (name === undefined) return { handle, state: 'absent', at: evidence.at, evidence }
    if (handle.facet === 'account') return observeAccount(handle, name, call)
    if (handle.facet === 'session') return observeSessions(handle, name, call)
    const { items, evidence: seen } = await credentialOf(handle.facet).list(name, call)
    const state = items.some(({ isLive }) => isLive) ? 'live' : 'dead'
    return { handle, state, at: seen.at, evidence: seen }
  },

  restore: async (handle, undo, call) => {
    const { name, evidence } = await userOfHandle(handle, call)
    if (name === undefined) throw new ConnectorError('gone', 'no such user', { evidence })
    if (handle.facet === 'account') return allowAccount(name, call)
    const { putBack } = credentialOf(handle.facet)
    const { ids } = undo
    if (putBack === undefined || !Array.isArray(ids) || ids.length === 0) {
      throw nothingToPutBack()
    }
    if (call.dryRun) return preview(call, { method: 'Update', target: ids.join(', ') })
    const back = await inTurn(ids.map(String), (id) => putBack(name, id, call))
    return { kind: 'done', evidence: joinEvidence([evidence, ...back]) }
  },
})

interface User {
  id: string
  name: string
}

/** Both, because a name can be given to somebody else, and the interface takes only names. */
function handleOf({ id, name }: User): Handle {
  return { facet: 'account', id: `${id}/${name}` }
}

function namesOf({ userName, externalId }: Subject, { names }: AwsIamConfig): string[] {
  const values = { userName, localPart: userName.split('@')[0], externalId }
  return [...new Set(names.map((name) => values[name]))].filter(
    (name): name is string => name !== undefined && /^[\w+=,.@-]{1,64}$/.test(name),
  )
}

async function userNamed(
  UserName: string,
  call: Call,
): Promise<{ user: User | undefined; evidence: Evidence }> {
  const { output, evidence } = await lookUp(call, (iam) => iam.getUser({ UserName }))
  if (output === undefined && !evidence.body.includes('<Code>NoSuchEntity</Code>')) {
    throw new ConnectorError('invalid', 'IAM is not at this address', { evidence })
  }
  return { user: output?.User === undefined ? undefined : userOf(output.User), evidence }
}

function userOf({
  UserId,
  UserName,
}: {
  UserId?: string | undefined
  UserName?: string | undefined
}): User {
  if (UserId !== undefined && UserName !== undefined) return { id: UserId, name: UserName }
  throw new ConnectorError('invalid', 'IAM shows a user without id or name')
}

/** The name of the user of this handle, if there is still that same user. */
async function userOfHandle(
  { id }: Handle,
  call: Call,
): Promise<{ name: string | undefined; evidence: Evidence }> {
  const [, userId, name] = /^(\w+)\/(.+)$/.exec(id) ?? []
  if (name === undefined) throw new ConnectorError('invalid', 'no handle of an IAM user')
  const { user, evidence } = await userNamed(name, call)
  return { name: user?.id === userId ? name : undefined, evidence }
}

async function protection(user: User, call: Call): Promise<Pick<Match, 'protectedBecause'>> {
  const listedNames = call.config.protectedUsers.map((name) => name.toLowerCase())
  if (listedNames.includes(user.name.toLowerCase())) {
    return { protectedBecause: 'listed as protected' }
  }
  // Without a name IAM tells who is asking.
  const { output } = await lookUp(call, (iam) => iam.getUser({}))
  return output?.User?.UserId === user.id ? { protectedBecause: 'the user that this hub uses' } : {}
}

function listed(user: User, evidence: Evidence): Observation {
  const keys = { userName: user.name, externalId: user.name }
  return { handle: handleOf(user), state: 'unknown', at: evidence.at, evidence, keys }
}

function credentialOf(facet: Facet): Credential {
  const credential = (credentials as Partial<Record<Facet, Credential>>)[facet]
  if (credential !== undefined) return credential
  throw new ConnectorError('unsupported', `IAM has no ${facet}`)
}

async function end(
  { list, end: endOne, putBack }: Credential,
  user: string,
  call: Call,
): Promise<Ack> {
  const { items, evidence: before } = await list(user, call)
  const ids = items.filter(({ isLive }) => isLive).map(({ id }) => id)
  if (ids.length === 0) return { kind: 'already', evidence: before }
  if (call.dryRun) return preview(call, { method: 'Update', target: ids.join(', ') })
  const gone = await inTurn(ids, (id) => endOne(user, id, call))
  return {
    kind: 'done',
    evidence: joinEvidence([before, ...gone]),
    ...(putBack === undefined ? {} : { undo: { ids } }),
  }
}
