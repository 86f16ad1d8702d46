/** Names of the inline policies that this connector writes. */
export const DENY_ALL = 'QuittanceDenyAll'
/** The name that the console of AWS gives to it. */
export const REVOKE_OLDER = 'AWSRevokeOlderSessions'

interface Statement {
  Effect?: unknown
  Action?: unknown
  Resource?: unknown
  Condition?: { DateLessThan?: { 'aws:TokenIssueTime'?: unknown } }
  Sid?: unknown
}

const everything = { Effect: 'Deny', Action: '*', Resource: '*' }

/**
 * Denies everything. It is evaluated with each request: it stops access keys, and also what was derived from them
 * (GetSessionToken, GetFederationToken).
 *
 * @param at ms since the epoch; kept in the policy, to the second
 */
export function denyAll(at: number): string {
  const Sid = `Since${Math.floor(at / 1_000)}`
  return JSON.stringify({ Version: '2012-10-17', Statement: [{ Sid, ...everything }] })
}

/**
 * Denies everything to sessions from before. Long-term keys carry no such time and are not touched.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
 */
export function denyOlder(at: number): string {
  const time = new Date(Math.floor(at / 1_000) * 1_000).toISOString()
  const Condition = { DateLessThan: { 'aws:TokenIssueTime': time } }
  return JSON.stringify({ Version: '2012-10-17', Statement: [{ ...everything, Condition }] })
}

/**
 * Since when a policy denies everything, in s since the epoch; undefined if it does not, e.g. because somebody put
 * a condition into it.
 *
 * @param document URL-encoded JSON, as IAM gives it
 */
export function deniesAllSince(document: string | undefined): number | undefined {
  const statement = onlyStatement(document)
  if (statement === undefined || statement.Condition !== undefined) return undefined
  const since = /^Since(\d+)$/.exec(String(statement.Sid))?.[1]
  return since === undefined ? undefined : Number(since)
}

/** Up to when issued sessions are denied, in s since the epoch. */
export function deniesOlderThan(document: string | undefined): number | undefined {
  const time = onlyStatement(document)?.Condition?.DateLessThan?.['aws:TokenIssueTime']
  const at = typeof time === 'string' ? Date.parse(time) : Number.NaN
  return Number.isNaN(at) ? undefined : at / 1_000
}

function onlyStatement(document: string | undefined): Statement | undefined {
  try {
    const { Statement: statements } = JSON.parse(decodeURIComponent(document ?? '')) as {
      Statement?: Statement[]
    }
    const [only, ...more] = statements ?? []
    const isDeny = only?.Effect === 'Deny' && only.Action === '*' && only.Resource === '*'
    return isDeny && more.length === 0 ? only : undefined
  } catch {
    // Not ours: then it denies nothing that we can tell.
    return undefined
  }
}
