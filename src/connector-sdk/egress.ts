import { lookup as dnsLookup, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { Agent, buildConnector, type Dispatcher, ProxyAgent } from 'undici'
import { addressPolicy } from './address-policy.ts'

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
  /** PEM certificates trusted besides the system's. */
  ca?: string
}

/** The way out to the network: connections of one app, all under one policy. */
export interface Egress {
  readonly dispatcher: Dispatcher
  /** Refuses, before anything is sent, what the connection guard cannot see. @throws EgressRefused */
  admit(url: URL): Promise<void>
  /** Lets exchanges under way end, then closes the connections. */
  close(): Promise<void>
}

/** The policy forbids this target. */
export class EgressRefused extends Error {
  override readonly name = 'EgressRefused'
  readonly code = 'ERR_EGRESS_REFUSED'
}

/**
 * Opens the guarded way out. The guard looks at the address that is really connected to, so that a name that
 * resolves differently the second time (DNS rebinding) gains nothing; names are filtered before connecting,
 * so that no inner port is even touched.
 */
export function createEgress(options: EgressOptions): Egress {
  const refusal = addressPolicy(options.allowNetworks)
  const connectTimeoutMs = options.connectTimeoutMs ?? 3_000
  const limits = {
    maxResponseSize: options.maxBytes ?? 5 * 1024 * 1024,
    keepAliveTimeout: 4_000,
  }
  const tls = { minVersion: 'TLSv1.2' as const, ...(options.ca ? { ca: options.ca } : {}) }

  if (options.proxy !== undefined) {
    const agent = new ProxyAgent({ uri: options.proxy, requestTls: tls, ...limits })
    return {
      dispatcher: agent,
      admit: async (url) => {
        const encrypted = url.protocol === 'https:'
        for (const { address } of await resolve(bare(url.hostname))) {
          const why = refusal(address, { encrypted })
          if (why !== undefined) throw new EgressRefused(why)
        }
      },
      close: () => agent.close(),
    }
  }

  const connectors = new Map(
    [true, false].map((encrypted) => [
      encrypted,
      buildConnector({
        ...tls,
        timeout: connectTimeoutMs,
        lookup: guardedLookup((address) => refusal(address, { encrypted })),
      } as buildConnector.BuildOptions),
    ]),
  )
  const agent = new Agent({
    ...limits,
    connect: (target, callback) => {
      const encrypted = target.protocol === 'https:'
      const refused = (why: string): void => callback(new EgressRefused(why), null)
      const host = bare(target.hostname)
      // No lookup happens for an IP literal.
      const why = isIP(host) === 0 ? undefined : refusal(host, { encrypted })
      if (why !== undefined) return refused(why)
      connectors.get(encrypted)?.(target, (error, socket) => {
        if (error !== null) return callback(error, null)
        const late = refusal(socket.remoteAddress ?? '', { encrypted })
        if (late === undefined) return callback(null, socket)
        socket.destroy()
        refused(late)
      })
    },
  })
  return { dispatcher: agent, admit: async () => {}, close: () => agent.close() }
}

/** A host without the brackets of an IPv6 literal. */
export function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '')
}

function resolve(hostname: string): Promise<LookupAddress[]> {
  return new Promise((done, fail) => {
    dnsLookup(hostname, { all: true }, (error, addresses) =>
      error ? fail(error) : done(addresses),
    )
  })
}

/** A name may point to several addresses: the forbidden ones are left out, and none left is a refusal. */
export function guardedLookup(refusal: (address: string) => string | undefined): LookupFunction {
  return (hostname, { all, ...options }, callback) => {
    dnsLookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, [])
      const admitted = addresses.filter(({ address }) => refusal(address) === undefined)
      const [first] = admitted
      if (first === undefined) {
        return callback(new EgressRefused(refusal(addresses[0]?.address ?? '') ?? 'no address'), [])
      }
      if (all) callback(null, admitted)
      else callback(null, first.address, first.family)
    })
  }
}
