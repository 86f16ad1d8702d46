import { createSecureContext } from 'node:tls'
import { Agent, buildConnector, type Dispatcher, ProxyAgent } from 'undici'
import { addressPolicy } from './address-policy.ts'
import { addressesOf, connectGuarded, EgressRefused, type ResolveName } from './guarded-connect.ts'
import { trustedBesidesRoots } from './trusted-roots.ts'

export interface EgressOptions {
  /** CIDR ranges that may be reached although they are not public. Set by the operator, never by an app owner. */
  allowNetworks: readonly string[]
  /** ms until a connection must stand; default 3000. */
  connectTimeoutMs?: number
  /** Longest answer in bytes; default 5 MiB. */
  maxBytes?: number
  /**
   * URL of a forward proxy. The proxy resolves names itself: names are checked here as well, but the proxy's own
   * rules must refuse private addresses.
   */
  proxy?: string
  /** PEM certificates trusted besides those of Node.js. */
  ca?: string
  /** Default: the system's resolver. */
  resolve?: ResolveName
}

/** The way out to the network: connections of one app, all under one policy. */
export interface Egress {
  readonly dispatcher: Dispatcher
  /** Refuses, before anything is sent, what the connection guard cannot see. @throws EgressRefused */
  admit(url: URL): Promise<void>
  /** Lets exchanges under way end, then closes the connections. */
  close(): Promise<void>
}

/** Opens the guarded way out: every connection is made by `connectGuarded`. */
export function createEgress(options: EgressOptions): Egress {
  const addresses = addressPolicy(options.allowNetworks)
  const limits = {
    maxResponseSize: options.maxBytes ?? 5 * 1024 * 1024,
    keepAliveTimeout: 4_000,
  }
  const minVersion = 'TLSv1.2' as const
  const ca = trustedBesidesRoots(options.ca)
  // Made once: reading all the roots for each connection would cost more than the handshake.
  const tls =
    ca === undefined ? { minVersion } : { secureContext: createSecureContext({ ca, minVersion }) }

  if (options.proxy !== undefined) {
    const agent = new ProxyAgent({ uri: options.proxy, requestTls: tls, ...limits })
    return {
      dispatcher: agent,
      admit: async (url) => {
        const encrypted = url.protocol === 'https:'
        for (const { address } of await addressesOf(url.hostname, options.resolve)) {
          const why = addresses(address, { encrypted })
          if (why !== undefined) throw new EgressRefused(why)
        }
      },
      close: () => agent.close(),
    }
  }

  const secure = buildConnector({ ...tls, timeout: options.connectTimeoutMs ?? 3_000 })
  const agent = new Agent({
    ...limits,
    connect: (target, callback) => {
      const encrypted = target.protocol === 'https:'
      const port = Number(target.port) || (encrypted ? 443 : 80)
      connectGuarded({ host: target.hostname, port, encrypted }, { addresses, ...options }).then(
        (socket) => {
          if (encrypted) secure({ ...target, httpSocket: socket }, callback)
          else callback(null, socket)
        },
        (error: Error) => callback(error, null),
      )
    },
  })
  return { dispatcher: agent, admit: async () => {}, close: () => agent.close() }
}
