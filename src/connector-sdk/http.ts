import type { IncomingHttpHeaders } from 'node:http'
import { performance } from 'node:perf_hooks'
import type { Dispatcher } from 'undici'
import { request } from 'undici'
import type { Clock } from '../shared/clock.ts'
import {
  ConnectorError,
  type Effect,
  type Evidence,
  type Fault,
  type HttpClient,
  type HttpRequest,
} from './contract.ts'
import type { Egress } from './egress.ts'
import type { Redactor } from './redact.ts'
import { clip, redactCause } from './redact-evidence.ts'
import { describeTransport, transportFault } from './transport-fault.ts'

export interface HttpClientOptions {
  egress: Egress
  /** ms for one exchange as a whole, connecting and reading included. */
  timeoutMs: number
  redactor: Redactor
  signal: AbortSignal
  /** `performance.now()` from which on nothing more may leave; default: never. See `CallOptions`. */
  deadline?: number
  clock: Clock
}

const REQUEST_ID_HEADERS = [
  'x-request-id',
  'request-id',
  'x-github-request-id',
  'x-okta-request-id',
  'x-ms-request-id',
  'x-amzn-requestid',
  'x-slack-req-id',
  'x-correlation-id',
]

/**
 * The HTTP client of one call. Every exchange ends within `timeoutMs` or when `signal` is aborted. It follows no
 * redirects, sends no cookies and asks for no compression (a cap must count what is read).
 */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { egress, redactor, clock } = options
  return {
    hide: redactor.add,
    send: async (asked) => {
      const url = parse(asked.url)
      const evidence = (body: string, more: Partial<Evidence> = {}): Evidence => ({
        method: asked.method,
        target: redactor.redact(targetOf(url)),
        at: clock.now(),
        body: clip(redactor.redact(body)),
        ...more,
      })
      // Reads change nothing, whatever becomes of them.
      const isRead = asked.reads ?? asked.method === 'GET'
      let sent = false
      const failure = (fault: Fault, message: string, cause?: unknown): ConnectorError => {
        const effect: Effect = sent && !isRead ? 'unknown' : 'none'
        return new ConnectorError(fault, redactor.redact(message), {
          effect,
          evidence: evidence(`no answer: ${message}`),
          ...(cause === undefined ? {} : { cause: redactCause(cause, redactor) }),
        })
      }

      const deadline = AbortSignal.timeout(options.timeoutMs)
      const signal = AbortSignal.any([deadline, options.signal])
      const isLate = (): boolean => performance.now() >= (options.deadline ?? Infinity)
      let answer: { status: number; headers: Record<string, string>; body: string }
      try {
        signal.throwIfAborted()
        if (isLate()) throw new TooLate()
        await egress.admit(url)
        answer = await exchange(
          egress.dispatcher.compose(
            onStart(() => {
              // Connecting took its time, too.
              if (isLate()) throw new TooLate()
              sent = true
            }),
          ),
          { ...asked, url: url.href },
          signal,
        )
      } catch (error) {
        if (error instanceof TooLate) throw failure('transient', 'out of time before it left')
        if (options.signal.aborted) throw failure('transient', 'aborted by the hub', error)
        if (deadline.aborted)
          throw failure('transient', `timed out after ${options.timeoutMs} ms`, error)
        throw failure(transportFault(error), describeTransport(error), error)
      }

      const { status, headers, body } = answer
      const requestId = REQUEST_ID_HEADERS.map((name) => headers[name]).find(
        (id) => id !== undefined,
      )
      const kept = evidence(body, {
        status,
        ...(requestId === undefined ? {} : { requestId: redactor.redact(requestId).slice(0, 200) }),
      })
      const refuse = (message: string): ConnectorError =>
        new ConnectorError('invalid', message, {
          effect: isRead ? 'none' : 'unknown',
          evidence: kept,
        })
      // The new place would get the credentials; 304 is none.
      if (status >= 300 && status < 400 && status !== 304)
        throw refuse(`unexpected redirect (${status})`)
      const encoding = headers['content-encoding'] ?? 'identity'
      if (encoding !== 'identity') throw refuse('compressed answer, although none was asked for')
      return { status, headers, body, evidence: kept }
    },
  }
}

/** @throws ConnectorError invalid: only http(s), and no credentials inside */
function parse(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new ConnectorError('invalid', 'not an http(s) URL')
  }
  if (url.username !== '' || url.password !== '') {
    throw new ConnectorError('invalid', 'credentials do not belong into a URL')
  }
  return url
}

/** Host and path; of the query only the names, since filters hold personal data. */
function targetOf(url: URL): string {
  const names = [...new Set(url.searchParams.keys())]
  const query = names.length === 0 ? '' : `?${names.map((name) => `${name}=…`).join('&')}`
  return `${url.host}${url.pathname}${query}`
}

async function exchange(
  dispatcher: Dispatcher,
  asked: HttpRequest,
  signal: AbortSignal,
): Promise<{ status: number; headers: Record<string, string>; body: string }> {
  const response = await request(asked.url, {
    dispatcher,
    signal,
    method: asked.method,
    headers: { 'accept-encoding': 'identity', 'user-agent': 'quittance', ...asked.headers },
    ...(asked.body === undefined ? {} : { body: asked.body }),
  })
  const body = await response.body.text()
  return { status: response.statusCode, headers: flat(response.headers), body }
}

/** The time for this call was over before the request went onto a connection. */
class TooLate extends Error {
  override readonly name = 'TooLate'
}

/**
 * Tells when the request goes onto a connection: before that, nothing can have happened at the app. What `tell`
 * throws keeps it from going.
 */
function onStart(tell: () => void): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) =>
    dispatch(options, {
      onRequestStart: (controller, context) => {
        try {
          tell()
        } catch (error) {
          controller.abort(error as Error)
        }
        handler.onRequestStart?.(controller, context)
      },
      onRequestUpgrade: (...args) => handler.onRequestUpgrade?.(...args),
      onResponseStart: (...args) => handler.onResponseStart?.(...args),
      onResponseData: (...args) => handler.onResponseData?.(...args),
      onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
      onResponseError: (...args) => handler.onResponseError?.(...args),
    })
}

function flat(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    ),
  )
}
