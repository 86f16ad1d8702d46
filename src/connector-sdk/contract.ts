import type { z } from 'zod'
import type { CallContext, Visit, VisitAnswer } from './call-context.ts'

export type * from './call-context.ts'
export * from './connector-error.ts'

/** One kind of access an app can hold. */
export const FACETS = [
  'account',
  'local_login',
  'session',
  'api_token',
  'ssh_key',
  'oauth_grant',
  'membership',
  'shared_secret',
  'signing_key',
] as const
export type Facet = (typeof FACETS)[number]

/** What an app can do about one facet. Every field is a fact about the app, not a wish. */
export interface FacetSpec {
  facet: Facet
  /** Can the app list all of a person's items of this kind? */
  enumerate: 'complete' | 'partial' | 'none'
  revoke: 'api' | 'manual' | 'none'
  /** `strong`: a read after the write sees the write. `eventual`: only after `settleMs`. `none`: no read-back exists. */
  observe: 'strong' | 'eventual' | 'none'
  /** Longest delay, in ms, before a fresh read may be believed. */
  settleMs: number
  /** How long, in ms, what nobody can recall goes on working (stateless tokens). */
  residualMs: number
  reversible: boolean
  /**
   * `facts`: only with the facts that `revoke` answered; if that answer is lost, a person must put it back. Absent: the
   * handle alone says what is put back. An account never needs facts.
   */
  undoNeeds?: 'facts'
  /** Facets that must be revoked after this one. */
  before?: readonly Facet[]
}

/** The person, as the identity provider knew them. Personal data: never logged, never in the ledger. */
export interface Subject {
  sourceId: string
  userId: string
  userName: string
  externalId?: string
  emails: readonly string[]
  displayName?: string
}

/** One concrete thing in an app. `id` is the app's own identifier of the account the thing belongs to. */
export interface Handle {
  facet: Facet
  id: string
}

/** The stored bytes behind a statement. `body` has passed the redactor: no credential is in it. */
export interface Evidence {
  /** `GET`, `PATCH`, `SELECT`, `LDAP search` … */
  method: string
  /** Path or statement without credentials or query values. */
  target: string
  /** Protocol status, e.g. 200; absent where the protocol has none. */
  status?: number
  /** ms since the epoch, by the hub's clock, when the answer was complete. */
  at: number
  /** What came back, at most 64 KiB. */
  body: string
  /** The app's own request id, where it sends one: lets an auditor find the call in the app's log. */
  requestId?: string
}

/** A timed read of one handle. `absent`: the app says there is no such thing. `unknown`: the app did not say. */
export interface Observation {
  handle: Handle
  state: 'live' | 'dead' | 'absent' | 'unknown'
  /** ms since the epoch. */
  at: number
  evidence: Evidence
  /** Identifiers of the account as the app shows them; needed on listings so that the hub can compare. */
  keys?: { userName?: string; externalId?: string; emails?: readonly string[] }
}

/** What the app answered to a revoke or a restore. An acknowledgement proves nothing. */
export interface Ack {
  /** `done`: carried out; `accepted`: queued by the app; `already`: nothing left to do. */
  kind: 'done' | 'accepted' | 'already'
  evidence: Evidence
  /** What `restore` needs in order to put back exactly what was taken; stored encrypted. */
  undo?: { [key: string]: unknown }
}

/** A candidate account. Weak or several matches go to a person: the hub never takes the first one found. */
export interface Match {
  handle: Handle
  strength: 'exact' | 'weak'
  /** The key that matched, e.g. `userName`. */
  matchedOn: string
  /** The app's last owner, a break-glass account, the hub's own identity: not to be disabled blindly. */
  protectedBecause?: string
  evidence: Evidence
}

/** One page of a listing. `complete: false` forbids inferring absence from it. */
export interface Page<T> {
  items: readonly T[]
  /** Opaque; absent on the last page. A cursor that repeats is an error. */
  next?: string
  complete: boolean
}

/** One line of a connection test. */
export interface Check {
  /** e.g. `account.observe` */
  name: string
  ok: boolean
  /** For a person: what was tried and what to do about a failure. No secrets. */
  detail: string
}

export interface SecretSpec {
  title: string
  required: boolean
  /** Fewest characters, for a secret with which somebody comes to the hub: it must not be guessed. */
  minLength?: number
  /** It is sent in an HTTP header, which cannot carry every character. */
  inHeader?: true
}

export interface Manifest<Config = unknown> {
  id: string
  version: string
  title: string
  configSchema: z.ZodType<Config>
  /** Names of the secrets, with what they are. A secret whose name starts with `witness` is the read credential. */
  secrets: Readonly<Record<string, SecretSpec>>
  facets: readonly FacetSpec[]
  limits: { concurrency: number; perSecond?: number; timeoutMs: number }
  /** How long, in ms, a request that timed out may still take effect; an opposite action waits it out. */
  quarantineMs: number
  /** `proof`: this app's "not found" after a complete look is an answer. `suspect`: it goes to a person. */
  absenceIs: 'proof' | 'suspect'
}

/** A connector states facts; the hub judges and schedules. Nothing in it returns "success". */
export interface Connector<Config = unknown> {
  manifest: Manifest<Config>
  /** The facets that this configuration really covers; by default all of the manifest's. */
  facetsOf?(config: Config): readonly FacetSpec[]
  /** What "not found" means under this configuration; by default what the manifest says. */
  absenceOf?(config: Config): Manifest['absenceIs']
  /** One line per facet and operation, not one "OK". Writes nothing. */
  test(call: CallContext<Config>): Promise<readonly Check[]>
  /** Candidate accounts of the person. Compare the keys on this side: a server may ignore a filter. */
  correlate(subject: Subject, call: CallContext<Config>): Promise<readonly Match[]>
  list(
    facet: Facet,
    of: Subject | 'everyone',
    cursor: string | undefined,
    call: CallContext<Config>,
  ): Promise<Page<Observation>>
  /** Idempotent. Revokes all items of the handle's facet that belong to the account. */
  revoke(handle: Handle, call: CallContext<Config>): Promise<Ack>
  /** A fresh read. `dead` only when nothing of this facet works any more. */
  observe(handle: Handle, call: CallContext<Config>): Promise<Observation>
  /** Uses the credential and expects refusal: the strongest proof (grade A). */
  probe?(handle: Handle, call: CallContext<Config>): Promise<Observation>
  /**
   * Puts back what `revoke` took, and nothing else.
   *
   * @param undo what `revoke` answered; `{}` when that answer was lost: then its default is put back (the account lets
   * in again), or, where the facet's `undoNeeds` says so, `nothingToPutBack()` is thrown
   */
  restore?(
    handle: Handle,
    undo: { [key: string]: unknown },
    call: CallContext<Config>,
  ): Promise<Ack>
  /**
   * Answers the application at `call.address`. Nobody has authenticated the caller yet: the connector does that first,
   * with this app's secrets.
   */
  serve?(visit: Visit, call: CallContext<Config>): Promise<VisitAnswer>
}

/** Types a connector definition; returns it unchanged. */
export function defineConnector<Config>(connector: Connector<Config>): Connector<Config> {
  return connector
}
