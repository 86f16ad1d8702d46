import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIP, type LookupFunction, type Socket } from 'node:net'
import { hostname } from 'node:os'
import { type AddressPolicy, addressPolicy } from '../../connector-sdk/address-policy.ts'
import { isConnectorError } from '../../connector-sdk/contract.ts'
import { guardedLookup } from '../../connector-sdk/guarded-connect.ts'
import { createNetClient } from '../../connector-sdk/guarded-socket.ts'
import { iso } from '../../shared/clock.ts'
import type { AlertEvent } from '../alert-event.ts'
import { headline, type RunbookLink } from '../alert-text.ts'
import { type Delivered, SINK_TIMEOUT_MS, type Sink } from '../sink.ts'

/** Facility "log audit". */
const FACILITY = 13
const SEVERITY = { critical: 2, warning: 4, resolved: 5 } as const
/** A receiver that does not close is not waited for any longer; ms. */
const CLOSE_MS = 2_000

/**
 * One message, without framing. Fields of the alert are structured data.
 *
 * @see RFC 5424 §6
 */
export function syslogMessage(
  event: AlertEvent,
  link: RunbookLink,
  options: { host: string; enterpriseId: number },
): string {
  const { alert, kind, at } = event
  const severity = kind === 'resolved' ? SEVERITY.resolved : SEVERITY[alert.severity]
  const fields = {
    eventId: event.id,
    alertId: alert.id,
    state: alert.state,
    ...alert.about,
    ...alert.facts,
    next: link(alert.rule),
  }
  const data = Object.entries(fields)
    .map(([name, value]) => ` ${sdName(name)}="${sdValue(String(value))}"`)
    .join('')
  const host = options.host.replaceAll(/[^\x21-\x7e]/g, '').slice(0, 255) || '-'
  // The text is UTF-8 and says so by its mark (§6.4).
  return `<${FACILITY * 8 + severity}>1 ${iso(at)} ${host} quittance - ${alert.rule.slice(0, 32)} [alert@${options.enterpriseId}${data}] \ufeff${headline(event)}`
}

const sdName = (name: string): string => name.replaceAll(/[^A-Za-z0-9_-]/g, '').slice(0, 32)
/** §6.3.3: these three are escaped; control characters would cut the line for many receivers. */
const sdValue = (value: string): string =>
  value.replaceAll(/\p{Cc}/gu, ' ').replaceAll(/["\\\]]/g, (character) => `\\${character}`)

/**
 * Over TLS (RFC 5425), TCP (RFC 6587 §3.4.1, octet counting) or UDP (RFC 5426). Syslog has no acknowledgement: over TCP
 * and TLS "delivered" means that the receiver took the bytes, over UDP that they were sent.
 */
export function syslogSink(
  settings: {
    host: string
    port: number
    transport: 'tls' | 'tcp' | 'udp'
    enterpriseId: number
    allowNetworks: readonly string[]
    ca: string | undefined
  },
  { link }: { link: RunbookLink },
): Pick<Sink, 'deliver' | 'close'> {
  const { transport, ca } = settings
  const addresses = addressPolicy(settings.allowNetworks)
  const { host, port, enterpriseId } = settings
  return {
    deliver: async (event, signal): Promise<Delivered> => {
      const bytes = Buffer.from(syslogMessage(event, link, { host: hostname(), enterpriseId }))
      try {
        if (transport === 'udp') await sendDatagram(bytes, { host, port, addresses })
        else {
          const net = createNetClient({ addresses, timeoutMs: SINK_TIMEOUT_MS, signal })
          const socket = await net.connect({
            host,
            port,
            protection: transport === 'tls' ? 'tls' : 'none',
            ...(ca === undefined ? {} : { ca }),
          })
          await sendFramed(bytes, socket)
        }
        return { kind: 'delivered' }
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        const reason = isConnectorError(error) ? error.message : (code ?? 'the connection failed')
        return { kind: 'failed', reason }
      }
    },
    close: async () => {},
  }
}

async function sendFramed(bytes: Buffer, socket: Socket): Promise<void> {
  const frame = Buffer.concat([Buffer.from(`${bytes.length} `), bytes])
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), CLOSE_MS)
  try {
    socket.resume()
    await new Promise<void>((done, fail) => {
      socket.once('error', fail)
      socket.end(frame, () => done())
    })
    // A receiver that is going away resets the connection: that is seen only after the last byte.
    if (!socket.closed) await once(socket, 'close', { signal: late.signal })
  } catch (error) {
    if (!late.signal.aborted) throw error
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}

async function sendDatagram(
  bytes: Buffer,
  { host, port, addresses }: { host: string; port: number; addresses: AddressPolicy },
): Promise<void> {
  const refusal = (address: string): string | undefined => addresses(address, { encrypted: false })
  const why = isIP(host) === 0 ? undefined : refusal(host)
  if (why !== undefined) throw new Error(why)
  const { address, family } = await resolved(host, guardedLookup(refusal))
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4')
  try {
    await new Promise<void>((done, fail) => {
      socket.once('error', fail)
      socket.send(bytes, port, address, (error) => (error ? fail(error) : done()))
    })
  } finally {
    socket.close()
  }
}

/** No name is looked up twice: the address that was admitted is the one that is used. */
function resolved(
  host: string,
  lookup: LookupFunction,
): Promise<{ address: string; family: number }> {
  if (isIP(host) !== 0) return Promise.resolve({ address: host, family: isIP(host) })
  return new Promise((done, fail) =>
    lookup(host, {}, (error, address, family) =>
      error ? fail(error) : done({ address: String(address), family: family ?? 4 }),
    ),
  )
}
