import {
  type EventName,
  type EventStream,
  type SsfConfig,
  type SubjectFormat,
  TYPE_OF,
} from './config.ts'

/** A person as receivers of events know them. RFC 9493 */
export type SubjectId =
  | { format: 'email'; email: string }
  | { format: 'iss_sub'; iss: string; sub: string }
  | { format: 'opaque'; id: string }

/**
 * The claims of a Security Event Token of the SSF profile: one event, the person in `sub_id`, neither `sub` nor
 * `exp`.
 *
 * @see RFC 8417, https://openid.net/specs/openid-sharedsignals-framework-1_0-final.html#section-4
 */
export interface EventClaims {
  iss: string
  jti: string
  /** s since the epoch. */
  iat: number
  aud: string
  /** The same in everything that has one cause. */
  txn: string
  sub_id: SubjectId
  events: { [type: string]: object }
}

/** @param name the person as the receiver knows them: an address, or an identifier under an issuer */
export function subjectId(format: SubjectFormat, name: string): SubjectId {
  switch (format.format) {
    case 'email':
      return { format: 'email', email: name }
    case 'iss_sub':
      return { format: 'iss_sub', iss: format.iss, sub: name }
    case 'opaque':
      return { format: 'opaque', id: name }
  }
}

/**
 * @param id the same for a repetition of the same statement: receivers tell repetitions by `jti`
 * @param now ms since the epoch
 */
export function eventClaims(
  config: SsfConfig,
  stream: EventStream,
  event: EventName,
  { name, id, now }: { name: string; id: string; now: number },
): EventClaims {
  const seconds = Math.floor(now / 1_000)
  const subject = subjectId(config.subject, name)
  const payload = statement(stream, event, seconds)
  return {
    iss: config.issuer,
    jti: `${id}.${event}`,
    iat: seconds,
    aud: stream.audience,
    txn: id,
    sub_id: subject,
    events: { [TYPE_OF[event]]: stream.subjectInEvent ? { subject, ...payload } : payload },
  }
}

/** An event about the stream itself. SSF 1.0 §8.1.4.1 */
export function verificationClaims(
  { issuer }: SsfConfig,
  { audience }: EventStream,
  {
    streamId,
    state,
    id,
    now,
  }: { streamId: string; state: string | undefined; id: string; now: number },
): EventClaims {
  return {
    iss: issuer,
    jti: `${id}.verification`,
    iat: Math.floor(now / 1_000),
    aud: audience,
    txn: id,
    sub_id: { format: 'opaque', id: streamId },
    events: { [VERIFICATION]: state === undefined ? {} : { state } },
  }
}

const VERIFICATION = 'https://schemas.openid.net/secevent/ssf/event-type/verification'

/** CAEP 1.0 §3.1, §3.3; RISC 1.0 §2.3, §2.4 (without a reason: the two that exist are not ours). */
function statement({ credentialType }: EventStream, event: EventName, at: number): object {
  const because = {
    event_timestamp: at,
    initiating_entity: 'policy',
    reason_admin: { en: 'The person has left' },
  }
  switch (event) {
    case 'account-disabled':
      return {}
    case 'account-enabled':
      return {}
    case 'session-revoked':
      return because
    case 'credential-change':
      return { credential_type: credentialType, change_type: 'revoke', ...because }
  }
}
