import type { Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import type { z } from 'zod'

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

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  url: string
  headers?: Readonly<Record<string, string>>
  /** Sent as it is; set the content type yourself. */
  body?: string
  /** True when this request cannot change anything, whatever its method; default: GET reads, all else writes. */
  reads?: boolean
}

export interface HttpResponse {
  status: number
  /** Lower-cased names. */
  headers: Readonly<Record<string, string>>
  body: string
  /** Ready-made evidence of this exchange, redacted. */
  evidence: Evidence
}

/**
 * The hub's guarded HTTP client. It refuses private addresses unless the app is allowed them, follows no
 * redirects, caps the answer, and throws only `ConnectorError`s (for transport failures). A status of 4xx or 5xx is an answer, not an error.
 */
export interface HttpClient {
  send(request: HttpRequest): Promise<HttpResponse>
  /** Keeps a secret that was obtained on the way (an access token) out of all evidence from now on. */
  hide(secret: string): void
}

/** Where a protocol other than HTTP is spoken. */
export interface SocketTarget {
  /** Name or address. */
  host: string
  port: number
  /**
   * `tls`: the socket is handed over once the certificate is verified. `upgrade`: the connector begins TLS on it, with
   * what `tls` gives, before any credential; or the protocol encrypts itself (SSH). `none`: plain, inside the allowed
   * networks only.
   */
  protection: 'tls' | 'upgrade' | 'none'
  /** PEM certificates; with them, no others are trusted. */
  ca?: string
}

/**
 * The hub's guarded sockets, for protocols that are not HTTP. Addresses are held to the app's network policy. Every
 * socket is destroyed when the call is aborted or its time is over, so that a library waiting on it fails.
 */
export interface NetClient {
  /** @throws ConnectorError invalid (refused by policy, certificate), transient (nobody there); nothing was sent */
  connect(target: SocketTarget): Promise<Socket>
  /** How to begin TLS on a socket of `connect`: the certificate is verified against `host`. There is no way to switch that off. */
  tls(target: Pick<SocketTarget, 'host' | 'ca'>): ConnectionOptions
}

/** A message that waits for the application to fetch it. */
export interface Mail {
  /** Unique within the app. */
  id: string
  /** At most 64 KiB; no secrets. */
  body: string
}

/**
 * Messages of one app that the application fetches by itself, oldest first, and what it set about that. Durable: a
 * message stays until the application has settled it.
 */
export interface Mailbox {
  /** The same id again changes nothing. @throws ConnectorError transient when too many wait already */
  put(mail: Mail): Promise<void>
  waiting(limit: number): Promise<readonly Mail[]>
  /** The application has these; `error`: and refuses them. Ids that are not waiting count for nothing. */
  settle(settled: readonly { id: string; error?: string }[]): Promise<void>
  counts(): Promise<{ waiting: number; refused: number }>
  /** What the application set, as the connector saved it. `version` 0: nothing yet. */
  settings(): Promise<{ value: unknown; version: number }>
  /**
   * @param expected the version that was read
   * @returns false when somebody else saved since: nothing is saved, read again
   */
  saveSettings(settings: { [key: string]: unknown }, expected: number): Promise<boolean>
}

/** What an application asks of the hub, at the app's own address. */
export interface Visit {
  method: string
  /** Behind that address; begins with `/`, without the query. */
  path: string
  query: Readonly<Record<string, string>>
  /** Lower-cased names. */
  headers: Readonly<Record<string, string>>
  body: string
  /** The owner has paused the app: take what the application says, hand out nothing. */
  isPaused: boolean
}

export interface VisitAnswer {
  status: number
  headers?: Readonly<Record<string, string>>
  body?: string
}

/** All that a connector may use. Everything else (retries, scheduling, judging) is the hub's. */
export interface CallContext<Config = unknown> {
  config: Config
  /**
   * The credentials of this app by name. With `credential: 'witness'`, a secret `token` holds the value of
   * `witnessToken` where the app has one: a connector always reads `token`.
   */
  secrets: Readonly<Record<string, string>>
  /** `doer` may write. `witness` should be a read-only credential of its own: it reads back what the doer did. */
  credential: 'doer' | 'witness'
  http: HttpClient
  net: NetClient
  /** What may be kept between the calls of one app, e.g. an access token; never stored. Absent: nothing. */
  memory?: Map<string, unknown>
  /** Messages that this app fetches by itself. Absent: this process keeps none. */
  mailbox?: Mailbox
  /** URL at which the application reaches the hub about this app, see `serve`; without a slash at its end. */
  address?: string
  /** The operator's directory of connector programs. */
  programDirectory?: string
  /** Aborted on shutdown and at the local deadline of the lease. Honour it within one second. */
  signal: AbortSignal
  /** The same for every attempt of one step; pass it on where the app supports it. */
  idempotencyKey: string
  /** True in previews: nothing may be written. */
  dryRun: boolean
  /** The hub's clock, ms since the epoch. */
  now(): number
}

export interface SecretSpec {
  title: string
  required: boolean
  /** Fewest characters, for a secret with which somebody comes to the hub: it must not be guessed. */
  minLength?: number
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

/** Why a call failed; decides what the hub does next. See the table in docs/connectors.md. */
export type Fault =
  | 'throttled'
  | 'transient'
  | 'credential'
  | 'forbidden'
  | 'invalid'
  | 'conflict'
  | 'ambiguous'
  | 'protected'
  | 'unsupported'
  | 'gone'
  | 'bug'

/** Did the failed call change anything at the app? `unknown` means: look before you repeat. */
export type Effect = 'none' | 'partial' | 'unknown'

/** The only error a connector throws on purpose; anything else counts as `bug`. */
export class ConnectorError extends Error {
  override readonly name = 'ConnectorError'
  readonly fault: Fault
  readonly effect: Effect
  /** ms to wait before the next try, where the app said so. */
  readonly retryAfterMs: number | undefined
  readonly evidence: Evidence | undefined

  constructor(
    fault: Fault,
    message: string,
    options: { effect?: Effect; retryAfterMs?: number; evidence?: Evidence; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.fault = fault
    this.effect = options.effect ?? 'none'
    this.retryAfterMs = options.retryAfterMs
    this.evidence = options.evidence
  }
}

/** What a restore throws that has no facts and needs them, or facts of something else. Nothing was changed. */
export function nothingToPutBack(): ConnectorError {
  return new ConnectorError(
    'unsupported',
    'it is not known what was taken: a person must put it back',
  )
}

/** True when the answer of the revoke was lost: a restore then puts back the default. */
export function isLostAnswer(undo: { [key: string]: unknown }): boolean {
  return Object.keys(undo).length === 0
}

/** True for a ConnectorError, also for one of another copy of this module (an installed connector). */
export function isConnectorError(error: unknown): error is ConnectorError {
  return error instanceof Error && error.name === 'ConnectorError' && 'fault' in error
}

/** Types a connector definition; returns it unchanged. */
export function defineConnector<Config>(connector: Connector<Config>): Connector<Config> {
  return connector
}
