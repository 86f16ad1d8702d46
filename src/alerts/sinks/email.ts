import { addressPolicy } from '../../connector-sdk/address-policy.ts'
import { isConnectorError, type SocketTarget } from '../../connector-sdk/contract.ts'
import { createNetClient } from '../../connector-sdk/guarded-socket.ts'
import type { AlertEvent } from '../alert-event.ts'
import { detailLines, headline, type RunbookLink } from '../alert-text.ts'
import { type Delivered, SINK_TIMEOUT_MS, type Sink } from '../sink.ts'

export interface EmailSettings {
  host: string
  port: number
  protection: 'tls' | 'starttls' | 'none'
  user: string | undefined
  password: string | undefined
  from: string
  to: readonly string[]
  owners: boolean
  allowNetworks: readonly string[]
  ca: string | undefined
}

const SOCKET = { tls: 'tls', starttls: 'upgrade', none: 'none' } as const

/** Plain text by SMTP. The Message-ID is the same at every try; most mailboxes show such a mail once. */
export function emailSink(
  settings: EmailSettings,
  { link }: { link: RunbookLink },
): Pick<Sink, 'deliver' | 'close'> {
  const { host, port, protection, user, password, ca } = settings
  const addresses = addressPolicy(settings.allowNetworks)
  return {
    deliver: async (event, signal): Promise<Delivered> => {
      const to = recipients(event, settings)
      // Nobody to write to is no failure: the alert has other ways.
      if (to.size === 0) return { kind: 'delivered' }
      const net = createNetClient({ addresses, timeoutMs: SINK_TIMEOUT_MS, signal })
      const target: SocketTarget = {
        host,
        port,
        protection: SOCKET[protection],
        ...(ca === undefined ? {} : { ca }),
      }
      try {
        // Loaded with the first mail: most hubs send none.
        const { createTransport } = await import('nodemailer')
        const connection = await net.connect(target)
        const mail = createTransport({
          host,
          port,
          secure: protection === 'tls',
          // The certificate was verified by the guarded socket.
          ...(protection === 'tls' ? { secured: true } : {}),
          requireTLS: protection === 'starttls',
          ignoreTLS: protection === 'none',
          tls: net.tls(target),
          connection,
          name: 'quittance',
          disableFileAccess: true,
          disableUrlAccess: true,
          ...(user === undefined ? {} : { auth: { user, pass: password ?? '' } }),
        })
        try {
          await mail.sendMail({
            from: settings.from,
            to: [...to],
            subject: headline(event),
            messageId: `<${event.id}@${settings.from.split('@')[1]}>`,
            // No holiday replies to alerts (RFC 3834 §5).
            headers: { 'Auto-Submitted': 'auto-generated' },
            date: new Date(event.at),
            text: detailLines(event, link)
              .map(([name, value]) => `${name}: ${value}`)
              .join('\n'),
          })
        } finally {
          mail.close()
          connection.destroy()
        }
        return { kind: 'delivered' }
      } catch (error) {
        return { kind: 'failed', reason: reasonOf(error) }
      }
    },
    close: async () => {},
  }
}

/** Owners may be names: only addresses are written to. */
function recipients({ alert }: AlertEvent, { to, owners }: EmailSettings): Set<string> {
  const named = owners ? (alert.owners ?? []) : []
  return new Set([...to, ...named.filter((owner) => /^[^\s@<>,;"]+@[^\s@<>,;"]+$/.test(owner))])
}

/** The server's text may name people; its code does not. */
function reasonOf(error: unknown): string {
  if (isConnectorError(error)) return error.message
  const { code, responseCode } = error as { code?: string; responseCode?: number }
  return responseCode === undefined
    ? (code ?? 'the mail server could not be used')
    : `the mail server answered ${responseCode}`
}
