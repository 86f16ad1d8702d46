import { isIP, connect as netConnect, type Socket } from 'node:net'
import { type ConnectionOptions, rootCertificates, connect as tlsConnect } from 'node:tls'
import type { AddressPolicy } from './address-policy.ts'
import { ConnectorError, type NetClient, type SocketTarget } from './contract.ts'
import { bare, EgressRefused, guardedLookup } from './egress.ts'
import { describeTransport, transportFault } from './transport-fault.ts'

export interface NetClientOptions {
  addresses: AddressPolicy
  /** ms that a socket lives, connecting included. */
  timeoutMs: number
  /** ms until a connection must stand; default 3000. */
  connectTimeoutMs?: number
  signal: AbortSignal
  /** PEM certificates trusted besides the system's, where the app names none of its own. */
  ca?: string
}

/**
 * The sockets of one call. The address that is really connected to is checked, as for HTTP: a name that changes its
 * mind gains nothing, and no forbidden port is even touched.
 */
export function createNetClient(options: NetClientOptions): NetClient {
  const tls: NetClient['tls'] = ({ host, ca }) => tlsOptions(bare(host), ca, options.ca)
  return {
    tls,
    connect: async (target) => {
      const { signal, timeoutMs } = options
      if (signal.aborted) throw new ConnectorError('transient', 'aborted by the hub')
      let socket: Socket | undefined
      try {
        socket = await open(target, options)
        bound(socket, signal, timeoutMs)
        return target.protection === 'tls' ? await secured(socket, tls(target)) : socket
      } catch (error) {
        socket?.destroy()
        if (error instanceof ConnectorError) throw error
        throw new ConnectorError(transportFault(error), describeTransport(error), { cause: error })
      }
    },
  }
}

async function open(
  { host, port, protection }: SocketTarget,
  { addresses, connectTimeoutMs = 3_000 }: NetClientOptions,
): Promise<Socket> {
  const refusal = (address: string): string | undefined =>
    addresses(address, { encrypted: protection !== 'none' })
  const name = bare(host)
  // No lookup happens for an IP literal.
  const why = isIP(name) === 0 ? undefined : refusal(name)
  if (why !== undefined) throw new EgressRefused(why)
  const socket = netConnect({ host: name, port, lookup: guardedLookup(refusal), noDelay: true })
  const timer = setTimeout(() => {
    socket.destroy(new ConnectorError('transient', `no connection within ${connectTimeoutMs} ms`))
  }, connectTimeoutMs)
  try {
    await event(socket, 'connect')
  } finally {
    clearTimeout(timer)
  }
  const late = refusal(socket.remoteAddress ?? '')
  if (late === undefined) return socket
  socket.destroy()
  throw new EgressRefused(late)
}

/** Ends the socket with the call. The error tells whoever waits on it why. */
function bound(socket: Socket, signal: AbortSignal, timeoutMs: number): void {
  const end = (why: string) => (): void => {
    socket.destroy(new ConnectorError('transient', why, { effect: 'unknown' }))
  }
  const abort = end('aborted by the hub')
  const timer = setTimeout(end(`timed out after ${timeoutMs} ms`), timeoutMs)
  signal.addEventListener('abort', abort, { once: true })
  // A library may have let go of a socket that fails late: that is no reason to end the process.
  socket.on('error', () => {})
  socket.once('close', () => {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  })
}

async function secured(socket: Socket, options: ConnectionOptions): Promise<Socket> {
  const secure = tlsConnect({ ...options, socket })
  const fail = (error?: Error): void => void secure.destroy(error)
  socket.once('error', fail)
  await event(secure, 'secureConnect')
  secure.on('error', () => {})
  return secure
}

/** Resolves on the event; rejects with the error that came first, or when the other side closed. */
function event(socket: Socket, name: 'connect' | 'secureConnect'): Promise<void> {
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

function tlsOptions(
  host: string,
  ca: string | undefined,
  operatorCa: string | undefined,
): ConnectionOptions {
  const trusted = ca ?? (operatorCa === undefined ? undefined : [...rootCertificates, operatorCa])
  return {
    host,
    // RFC 6066 §3: no address in SNI. The certificate is verified against `host` then.
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(trusted === undefined ? {} : { ca: trusted }),
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
  }
}
