import {
  type Ack,
  type CallContext,
  type Evidence,
  type Handle,
  inTurn,
  joinEvidence,
  type Observation,
  preview,
} from '#connector-sdk'
import { ask, lookUp } from './client.ts'
import type { AwsIamConfig } from './config.ts'
import {
  DENY_ALL,
  deniesAllSince,
  deniesOlderThan,
  denyAll,
  denyOlder,
  REVOKE_OLDER,
} from './deny.ts'

type Call = CallContext<AwsIamConfig>

/** The account and its sessions: IAM has no switch for them, but an explicit deny wins over everything. */

/** Since when the user is denied everything, in s; undefined: not denied. */
async function deniedSince(
  UserName: string,
  call: Call,
): Promise<{ since: number | undefined; evidence: Evidence }> {
  const { output, evidence } = await lookUp(call, (iam) =>
    iam.getUserPolicy({ UserName, PolicyName: DENY_ALL }),
  )
  return { since: deniesAllSince(output?.PolicyDocument), evidence }
}

export async function denyAccount(UserName: string, call: Call): Promise<Ack> {
  const { since, evidence: before } = await deniedSince(UserName, call)
  if (since !== undefined) return { kind: 'already', evidence: before }
  const PolicyDocument = denyAll(call.now())
  if (call.dryRun) {
    return preview(call, { method: 'PutUserPolicy', target: DENY_ALL, body: PolicyDocument })
  }
  const { evidence } = await ask(call, (iam) =>
    iam.putUserPolicy({ UserName, PolicyName: DENY_ALL, PolicyDocument }),
  )
  return { kind: 'done', evidence, undo: { policy: DENY_ALL } }
}

export async function allowAccount(UserName: string, call: Call): Promise<Ack> {
  if (call.dryRun) return preview(call, { method: 'DeleteUserPolicy', target: DENY_ALL })
  const { output, evidence } = await lookUp(call, (iam) =>
    iam.deleteUserPolicy({ UserName, PolicyName: DENY_ALL }),
  )
  return { kind: output === undefined ? 'already' : 'done', evidence }
}

export async function observeAccount(
  handle: Handle,
  user: string,
  call: Call,
): Promise<Observation> {
  const { since, evidence } = await deniedSince(user, call)
  return { handle, state: since === undefined ? 'live' : 'dead', at: evidence.at, evidence }
}

/** A user, or a role that the owner named. */
type Principal = { kind: 'user' | 'role'; name: string }

const principals = (user: string, { config }: Call): Principal[] => [
  { kind: 'user', name: user },
  ...config.roles.map((name) => ({ kind: 'role' as const, name })),
]

/** Up to when sessions of each principal are denied. */
async function cutOffs(
  user: string,
  call: Call,
): Promise<{ principal: Principal; until: number | undefined; evidence: Evidence }[]> {
  const found = []
  for (const principal of principals(user, call)) {
    const { kind, name } = principal
    const { output, evidence } = await lookUp<{ PolicyDocument?: string | undefined }>(
      call,
      (iam) =>
        kind === 'user'
          ? iam.getUserPolicy({ UserName: name, PolicyName: REVOKE_OLDER })
          : iam.getRolePolicy({ RoleName: name, PolicyName: REVOKE_OLDER }),
    )
    found.push({ principal, until: deniesOlderThan(output?.PolicyDocument), evidence })
  }
  return found
}

/** Ends what was issued before now, for the user and for each role that has sessions from before. */
export async function endSessions(user: string, call: Call): Promise<Ack> {
  const { since, evidence: denied } = await deniedSince(user, call)
  const found = await cutOffs(user, call)
  const open = found.filter(({ until }) => !isCutOff(until, since))
  const before = joinEvidence([denied, ...found.map(({ evidence }) => evidence)])
  if (open.length === 0) return { kind: 'already', evidence: before }
  const PolicyDocument = denyOlder(call.now())
  if (call.dryRun) {
    const target = open.map(({ principal }) => `${principal.kind} ${principal.name}`).join(', ')
    return preview(call, { method: 'PutPolicy', target, body: PolicyDocument })
  }
  const written = await inTurn(open, async ({ principal: { kind, name } }) => {
    const policy = { PolicyName: REVOKE_OLDER, PolicyDocument }
    const { evidence } =
      kind === 'user'
        ? await ask(call, (iam) => iam.putUserPolicy({ UserName: name, ...policy }))
        : await ask(call, (iam) => iam.putRolePolicy({ RoleName: name, ...policy }))
    return evidence
  })
  return { kind: 'done', evidence: joinEvidence([before, ...written]) }
}

/** Dead when the user cannot get a new session, and every session from before that is denied. */
export async function observeSessions(
  handle: Handle,
  user: string,
  call: Call,
): Promise<Observation> {
  const { since, evidence: denied } = await deniedSince(user, call)
  const found = await cutOffs(user, call)
  const evidence = joinEvidence([denied, ...found.map((one) => one.evidence)])
  const isDead = since !== undefined && found.every(({ until }) => isCutOff(until, since))
  return { handle, state: isDead ? 'dead' : 'live', at: evidence.at, evidence }
}

const isCutOff = (until: number | undefined, since: number | undefined): boolean =>
  until !== undefined && since !== undefined && until >= since
