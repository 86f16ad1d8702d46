import type { Connector, Facet, Subject } from '../contract.ts'
import type { ConnectorApp, ConnectorRunnerOptions } from '../runner.ts'

/** A request as it was seen on the way to the application. */
export interface SeenRequest {
  method: string
  path: string
  headers: Record<string, string>
  body: string
}

/** What goes wrong between the hub and an application. */
export type WireFault =
  | { kind: 'answer'; status: number; headers?: Record<string, string>; body?: string }
  /** The request is carried out, then the connection breaks. */
  | { kind: 'reset-after' }
  /** The connection breaks before the application sees the request. */
  | { kind: 'reset-before' }
  /** The request is carried out; the answer never comes. */
  | { kind: 'silence' }
  /** Half of the answer, then the end. */
  | { kind: 'truncate' }
  /** One byte at a time, for ever. */
  | { kind: 'drip' }
  /** 200 without carrying anything out; answers with what `body` says. */
  | { kind: 'lie'; body: (asked: SeenRequest) => string }

/** A proxy in front of the application that misbehaves on demand. */
export interface Wire {
  /** All requests that came, newest last. */
  readonly seen: readonly SeenRequest[]
  /** From now on, requests that `when` picks (default: all) suffer this; undefined ends it. */
  inject(fault: WireFault | undefined, when?: (asked: SeenRequest) => boolean): void
  /** Could this request change anything? */
  isWrite(asked: SeenRequest): boolean
}

/** Ways to make the application misbehave. One that a harness cannot do is named with the reason. */
export interface Tricks {
  /** It acknowledges what it is told and changes nothing. */
  lie(): void
  /** It answers every search with everybody. */
  ignoreFilter(): void
  /** It answers every page with the first one, and says that there is more. */
  repeatPages(): void
  /** It shows fewer accounts than it counts. */
  hideRows(): void
}

/** One application with known people, fresh for one case. */
export interface KitWorld {
  /** How the hub knows it. The wire, where there is one, lies in between. */
  app: ConnectorApp
  /** One of them must be a canary that appears nowhere else. */
  secrets: Record<string, string>
  /** Has exactly one account, which is live. */
  subject: Subject
  /** That account's id. */
  accountId: string
  /** An id that no account has. */
  strangerId: string
  /** Has no account. */
  stranger: Subject
  /** Two accounts match. */
  twins: Subject
  /** What the hub offers besides the network, for connectors that need it. */
  host?: Pick<ConnectorRunnerOptions, 'mailboxOf' | 'addressOf' | 'programDirectory'>
  /** The truth, from the inside: does this facet of the subject still work? */
  isLive(facet: Facet): boolean | Promise<boolean>
  /** Accounts other than the subject's that are no longer live. */
  bystandersHit(): number | Promise<number>
  wire?: Wire
  tricks: Partial<Tricks>
  /**
   * Trick or `wire` → why there is none. `ask`: why nobody can be asked for; then every name is taken as given,
   * strangers' as well, and a 404 may speak of the address.
   */
  cannot: Partial<Record<keyof Tricks | 'wire' | 'ask', string>>
  close(): Promise<void>
}

export interface KitHarness {
  connector: Connector
  /** Facets to try. Default: all that the app's configuration covers. */
  start(): Promise<KitWorld>
  /** ms for one exchange, or for one connection; default 5 s. Real servers on a busy machine take longer. */
  timeoutMs?: number
  /** The same as of its worlds, where it is known before: a case that needs it starts none. */
  cannot?: KitWorld['cannot']
}
