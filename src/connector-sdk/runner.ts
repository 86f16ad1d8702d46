import type { Clock } from '../shared/clock.ts'
import { type AddressPolicy, addressPolicy } from './address-policy.ts'
import { type CallWatch, watchConnector, watchExchanges } from './call-watch.ts'
import {
  type CallContext,
  type Connector,
  ConnectorError,
  type FacetSpec,
  type HttpClient,
  type Mailbox,
} from './contract.ts'
import { createEgress, type Egress } from './egress.ts'
import { guardConnector } from './guard-connector.ts'
import { createNetClient } from './guarded-socket.ts'
import { createHttpClient } from './http.ts'
import { createRedactor } from './redact.ts'

/** A registered app, as far as calling it needs. */
export interface ConnectorApp {
  id: string
  connectorId: string
  config: unknown
  /** CIDR ranges of private networks this app may be reached in. */
  allowNetworks: readonly string[]
}

export interface CallOptions {
  credential: 'doer' | 'witness'
  /** The same for every attempt of one step. */
  idempotencyKey: string
  signal: AbortSignal
  /**
   * `performance.now()` from which on nothing more may leave. A timer cannot say that: in a process that was stopped
   * and goes on, an answer of before is read, and the next request sent, earlier than any timer runs.
   */
  deadline?: number
  /** Default false. */
  dryRun?: boolean
  /** The case that the call belongs to: what is left in the mailbox goes when that case is erased. */
  offboardingId?: string
}

/** An app ready to be called. */
export interface OpenApp {
  /**
   * Throws ConnectorErrors only, ends within a second after an abort, and answers about the handle it was asked
   * about. Its manifest is that of this app: `absenceIs` may depend on the configuration.
   */
  connector: Connector
  /** The facets that this app's configuration covers. */
  facets: readonly FacetSpec[]
  /** Is there a read credential of its own? Without one the witness is the doer again. */
  hasWitness: boolean
  call(options: CallOptions): CallContext
}

export interface ConnectorRunner {
  /**
   * Checks the app's configuration and reads its secrets afresh. Costs no network.
   *
   * @throws ConnectorError invalid (configuration, networks), unsupported (no such connector), credential (a required secret is missing)
   */
  open(app: ConnectorApp): Promise<OpenApp>
  /** Closes all connections once the calls under way have ended. */
  close(): Promise<void>
}

export interface ConnectorRunnerOptions {
  connectors: ReadonlyMap<string, Connector>
  /** The app's secrets in the clear, by name. */
  secretsOf(appId: string): Promise<Readonly<Record<string, string>>>
  clock: Clock
  limits?: {
    /** ms per exchange; default: what the connector states. */
    timeoutMs?: number
    /** Longest answer in bytes. */
    maxBytes?: number
  }
  /** URL of a forward proxy. */
  proxy?: string
  /** PEM certificates trusted besides those of Node.js. */
  ca?: string
  /** Keeps the messages that an app fetches by itself; without it there are none. */
  mailboxOf?(appId: string, offboardingId?: string): Mailbox
  /** Where that app reaches the hub. */
  addressOf?(appId: string): string
  /** Directory of connector programs. */
  programDirectory?: string | undefined
  /** Stands around every call. */
  watch?: CallWatch
}

/** Connections and memory of one app as long as its configuration stays the same. */
interface Channel {
  stamp: string
  egress: Egress
  addresses: AddressPolicy
  memory: Map<string, unknown>
}

/** Builds what connectors are given: configuration, secrets, the guarded way out. */
export function createConnectorRunner(options: ConnectorRunnerOptions): ConnectorRunner {
  const channels = new Map<string, Channel>()
  const closing = new Set<Promise<void>>()

  const retire = (channel: Channel): void => {
    const closed = channel.egress.close().finally(() => closing.delete(closed))
    closing.add(closed)
  }
  const channelOf = (app: ConnectorApp): Channel => {
    const stamp = JSON.stringify([app.connectorId, app.config, app.allowNetworks])
    const known = channels.get(app.id)
    if (known?.stamp === stamp) return known
    const channel = {
      stamp,
      egress: egressOf(app, options),
      addresses: addressPolicy(app.allowNetworks),
      memory: new Map<string, unknown>(),
    }
    if (known !== undefined) retire(known)
    channels.set(app.id, channel)
    return channel
  }

  return {
    open: async (app) => {
      const connector = options.connectors.get(app.connectorId)
      if (connector === undefined) {
        throw new ConnectorError('unsupported', `no connector ${app.connectorId} is installed`)
      }
      const { manifest } = connector
      const config = configOf(connector, app.config)
      const secrets = await options.secretsOf(app.id)
      checkSecrets(manifest, secrets)
      const channel = channelOf(app)
      const redactor = createRedactor(Object.values(secrets))
      const { watch } = options
      const guarded = guardConnector(connector, config, redactor)
      const about = { appId: app.id, connectorId: app.connectorId }
      return {
        connector:
          watch === undefined
            ? guarded
            : watchConnector(guarded, (operation, work) =>
                watch.operation({ ...about, operation }, work),
              ),
        facets: connector.facetsOf?.(config) ?? manifest.facets,
        hasWitness: Object.keys(secrets).some((name) => name.startsWith('witness')),
        call: ({ credential, idempotencyKey, signal, deadline, dryRun = false, offboardingId }) => {
          const timeoutMs = options.limits?.timeoutMs ?? manifest.limits.timeoutMs
          const http = createHttpClient({
            egress: channel.egress,
            timeoutMs,
            redactor,
            signal,
            ...(deadline === undefined ? {} : { deadline }),
            clock: options.clock,
          })
          const { ca } = options
          const net = createNetClient({
            addresses: channel.addresses,
            timeoutMs,
            signal,
            ...(ca === undefined ? {} : { ca }),
          })
          const context = {
            config,
            secrets: credential === 'witness' ? asWitness(secrets) : asDoer(secrets),
            credential,
            http: dryRun ? readOnly(http) : http,
            net,
            memory: channel.memory,
            signal,
            idempotencyKey,
            dryRun,
            now: options.clock.now,
            ...hostOf({ appId: app.id, offboardingId }, options),
          }
          return watch === undefined ? context : watchExchanges(context, watch)
        },
      }
    },
    close: async () => {
      for (const channel of channels.values()) retire(channel)
      channels.clear()
      await Promise.all(closing)
    },
  }
}

/** @throws ConnectorError credential */
function checkSecrets(
  { secrets: specs }: Connector['manifest'],
  secrets: Readonly<Record<string, string>>,
): void {
  for (const [name, { required, minLength = 0 }] of Object.entries(specs)) {
    const secret = secrets[name]
    if (required && !secret) throw new ConnectorError('credential', `the secret ${name} is missing`)
    if (secret !== undefined && secret.length < minLength) {
      throw new ConnectorError(
        'credential',
        `the secret ${name} needs at least ${minLength} characters`,
      )
    }
  }
}

/** What this process offers to the connector of an app. */
function hostOf(
  { appId, offboardingId }: { appId: string; offboardingId: string | undefined },
  { mailboxOf, addressOf, programDirectory }: ConnectorRunnerOptions,
): Pick<CallContext, 'mailbox' | 'address' | 'programDirectory'> {
  return {
    ...(mailboxOf === undefined ? {} : { mailbox: mailboxOf(appId, offboardingId) }),
    ...(addressOf === undefined ? {} : { address: addressOf(appId) }),
    ...(programDirectory === undefined ? {} : { programDirectory }),
  }
}

/** What is wrong is said by path, never by value: an owner may have pasted a secret into the wrong field. */
function configOf(connector: Connector, config: unknown): unknown {
  const parsed = connector.manifest.configSchema.safeParse(config)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map(
    (i) => `${i.path.join('.') || 'configuration'} (${i.code})`,
  )
  throw new ConnectorError('invalid', `configuration: ${faults.join(', ')}`)
}

function egressOf(app: ConnectorApp, { limits, proxy, ca }: ConnectorRunnerOptions): Egress {
  try {
    return createEgress({
      allowNetworks: app.allowNetworks,
      ...(limits?.maxBytes === undefined ? {} : { maxBytes: limits.maxBytes }),
      ...(proxy === undefined ? {} : { proxy }),
      ...(ca === undefined ? {} : { ca }),
    })
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new ConnectorError('invalid', `allowNetworks: ${error.message}`, { cause: error })
  }
}

/** `witnessToken` takes the place of `token`; without a twin the doer's stays. */
function asWitness(secrets: Readonly<Record<string, string>>): Record<string, string> {
  const twins = Object.entries(secrets).flatMap(([name, value]) => {
    const doer = /^witness([A-Z].*)$/.exec(name)?.[1]
    return doer === undefined ? [] : [[`${doer[0]?.toLowerCase()}${doer.slice(1)}`, value]]
  })
  return { ...asDoer(secrets), ...Object.fromEntries(twins) }
}

function asDoer(secrets: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(secrets).filter(([name]) => !name.startsWith('witness')))
}

/** A connector that forgets the preview writes nothing all the same. */
function readOnly(http: HttpClient): HttpClient {
  return {
    ...http,
    send: async (request) => {
      if (request.reads ?? request.method === 'GET') return http.send(request)
      throw new ConnectorError('bug', `the connector tried to ${request.method} in a preview`)
    },
  }
}
