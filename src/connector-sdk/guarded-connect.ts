import { lookup as dnsLookup, type LookupAddress, type LookupAllOptions } from 'node:dns'
import { isIP, type LookupFunction, connect as netConnect, type Socket } from 'node:net'
import type { AddressPolicy } from './address-policy.ts'

/** The policy forbids this target. */
export class EgressRefused extends Error {
  override readonly name = 'EgressRefused'
  readonly code = 'ERR_EGRESS_REFUSED'
}

/** All addresses of a name, as `dns.lookup` with `all` gives them. */
export type ResolveName = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

export interface GuardedTarget {
  /** Name or address; an IPv6 address also in brackets. */
  host: string
  port: number
  /** Will what goes over it be encrypted? Plain goes into the allowed networks only. */
  encrypted: boolean
}

export interface GuardedConnectOptions {
  addresses: AddressPolicy
  /** ms until the connection must stand; default 3000. */
  connectTimeoutMs?: number | undefined
  /** Default: the system's resolver. */
  resolve?: ResolveName | undefined
}

/**
 * Opens a TCP connection under the policy. Addresses are filtered before connecting, so that no forbidden port is even
 * touched, and the address that is really connected to is checked before anything is sent: a name that resolves
 * differently the second time (DNS rebinding) gains nothing.
 *
 * @throws EgressRefused, or what the network throws
 */
export async function connectGuarded(
  { host, port, encrypted }: GuardedTarget,
  { addresses, connectTimeoutMs = 3_000, resolve }: GuardedConnectOptions,
): Promise<Socket> {
  const refusal = (address: string): string | undefined => addresses(address, { encrypted })
  const name = bare(host)
  // No lookup happens for an IP literal.
  const why = isIP(name) === 0 ? undefined : refusal(name)
  if (why !== undefined) throw new EgressRefused(why)
  const lookup = guardedLookup(refusal, resolve)
  const socket = netConnect({ host: name, port, lookup, noDelay: true, keepAlive: true })
  const timer = setTimeout(() => {
    socket.destroy(new Error(`no connection within ${connectTimeoutMs} ms`))
  }, connectTimeoutMs)
  try {
    await socketEvent(socket, 'connect')
  } finally {
    clearTimeout(timer)
  }
  const late = refusal(socket.remoteAddress ?? '')
  if (late === undefined) return socket
  socket.destroy()
  throw new EgressRefused(late)
}

/** All addresses of a name, or of an address itself. */
export function addressesOf(
  hostname: string,
  resolve: ResolveName = dnsLookup,
): Promise<LookupAddress[]> {
  return new Promise((done, fail) => {
    resolve(bare(hostname), { all: true }, (error, addresses) =>
      error ? fail(error) : done(addresses),
    )
  })
}

/** A host without the brackets of an IPv6 literal. */
export function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '')
}

/** Resolves on the event; rejects with the error that came first, or when the other side closed. */
export function socketEvent(socket: Socket, name: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((done, fail) => {
    const settle = (finish: () => void) => (): void => {
      socket.off('error', onError)
      socket.off('close', onClose)
      socket.off(name, onEvent)
      finish()
    }
    let error: Error | undefined
    const onError = (cause: Error): void => {
      error = cause
      settle(() => fail(cause))()
    }
    const onClose = settle(() => fail(error ?? new Error('the connection was closed')))
    const onEvent = settle(done)
    socket.on('error', onError)
    socket.on('close', onClose)
    socket.on(name, onEvent)
  })
}

/** A name may point to several addresses: the forbidden ones are left out, and none left is a refusal. */
export function guardedLookup(
  refusal: (address: string) => string | undefined,
  resolve: ResolveName = dnsLookup,
): LookupFunction {
  return (hostname, { all, ...options }, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
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
