import { isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls'
import type { AddressPolicy } from './address-policy.ts'
import { ConnectorError, type NetClient } from './contract.ts'
import { bare, connectGuarded, type ResolveName, socketEvent } from './guarded-connect.ts'
import { describeTransport, transportFault } from './transport-fault.ts'
import { trustedBesidesRoots } from './trusted-roots.ts'

export interface NetClientOptions {
  addresses: AddressPolicy
  /** ms that a socket lives, connecting included. */
  timeoutMs: number
  /** ms until a connection must stand; default 3000. */
  connectTimeoutMs?: number
  signal: AbortSignal
  /** PEM certificates trusted besides those of Node.js, where the app names none of its own. */
  ca?: string
  /** Default: the system's resolver. */
  resolve?: ResolveName
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
        const { host, port, protection } = target
        const encrypted = protection !== 'none'
        socket = await connectGuarded({ host, port, encrypted }, options)
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
  await socketEvent(secure, 'secureConnect')
  secure.on('error', () => {})
  return secure
}

function tlsOptions(
  host: string,
  ca: string | undefined,
  operatorCa: string | undefined,
): ConnectionOptions {
  const trusted = ca ?? trustedBesidesRoots(operatorCa)
  return {
    host,
    // RFC 6066 §3: no address in SNI. The certificate is verified against `host` then.
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(trusted === undefined ? {} : { ca: trusted }),
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
  }
}
