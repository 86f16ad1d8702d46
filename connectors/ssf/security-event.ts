import type { EventName, PushingConfig, SubjectFormat } from './config.ts'

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

const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/'
const RISC = 'https://schemas.openid.net/secevent/risc/event-type/'

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
  config: PushingConfig,
  event: EventName,
  { name, id, now }: { name: string; id: string; now: number },
): EventClaims {
  const seconds = Math.floor(now / 1_000)
  const subject = subjectId(config.subject, name)
  const [type, payload] = statement(config, event, seconds)
  return {
    iss: config.issuer,
    jti: `${id}.${event}`,
    iat: seconds,
    aud: config.push.audience,
    txn: id,
    sub_id: subject,
    events: { [type]: config.push.subjectInEvent ? { subject, ...payload } : payload },
  }
}

/** CAEP 1.0 §3.1, §3.3; RISC 1.0 §2.3, §2.4 (without a reason: the two that exist are not ours). */
function statement(
  { push }: PushingConfig,
  event: EventName,
  at: number,
): [type: string, payload: object] {
  const because = {
    event_timestamp: at,
    initiating_entity: 'policy',
    reason_admin: { en: 'The person has left' },
  }
  switch (event) {
    case 'account-disabled':
      return [`${RISC}account-disabled`, {}]
    case 'account-enabled':
      return [`${RISC}account-enabled`, {}]
    case 'session-revoked':
      return [`${CAEP}session-revoked`, because]
    case 'credential-change':
      return [
        `${CAEP}credential-change`,
        { credential_type: push.credentialType, change_type: 'revoke', ...because },
      ]
  }
}
