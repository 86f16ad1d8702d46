import type { Fault } from './contract.ts'
import { EgressRefused } from './guarded-connect.ts'

/** The fault behind a connection that did not stand: wrong by set-up (a person must act), or bad luck (try again)? */
export function transportFault(error: unknown): Fault {
  if (error instanceof EgressRefused) return 'invalid'
  const code = transportCode(error)
  const isSetup =
    /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL|EPROTO/.test(code) ||
    ['UND_ERR_INVALID_ARG', 'UND_ERR_RES_EXCEEDED_MAX_SIZE', 'HPE_'].some((c) => code.startsWith(c))
  return isSetup ? 'invalid' : 'transient'
}

/** Its message with its code, for a person. */
export function describeTransport(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  const code = transportCode(error)
  // undici names the header alone; the value in it is what somebody can mend.
  if (code === 'UND_ERR_INVALID_ARG' && /^invalid .+ header$/.test(message)) {
    return `${message}: its value, often a secret, has a character that no HTTP header can carry`
  }
  return code === '' || message.includes(code) ? message : `${message} (${code})`
}

/** Node's code of an error, e.g. `ECONNRESET`; '' when it has none. */
export function transportCode(error: unknown): string {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : ''
}

/** May this stand in an HTTP header (RFC 9110 §5.5)? A typed "…" may not, nor a line break. */
export function isHeaderValue(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text)
}
