import type { Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import type { Evidence } from './contract.ts'

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
