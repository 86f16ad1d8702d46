import type { IAM } from '@aws-sdk/client-iam'
import {
  type CallContext,
  ConnectorError,
  type Evidence,
  effectOfStatus,
  type Fault,
  faultOfStatus,
  type HttpResponse,
  retryAfterMs,
} from '#connector-sdk'
import type { AwsIamConfig } from './config.ts'

/** The SDK puts requests together, signs them and takes answers apart. Sending is the hub's. */

/** Codes that say more than their HTTP status. AWS throttles with 400. */
const FAULT_OF_CODE: Readonly<Record<string, Fault>> = {
  Throttling: 'throttled',
  ThrottlingException: 'throttled',
  RequestLimitExceeded: 'throttled',
  TooManyRequestsException: 'throttled',
  AccessDenied: 'forbidden',
  AccessDeniedException: 'forbidden',
  OptInRequired: 'forbidden',
  InvalidClientTokenId: 'credential',
  SignatureDoesNotMatch: 'credential',
  IncompleteSignature: 'credential',
  MissingAuthenticationToken: 'credential',
  ExpiredToken: 'credential',
  RequestExpired: 'credential',
  NoSuchEntity: 'gone',
  ConcurrentModification: 'conflict',
  EntityTemporarilyUnmodifiable: 'conflict',
  DeleteConflict: 'invalid',
  LimitExceeded: 'invalid',
  ServiceFailure: 'transient',
  ServiceUnavailable: 'transient',
}

const NAMESPACE = 'xmlns="https://iam.amazonaws.com/doc/2010-05-08/"'

/** An answer of IAM, with what was seen on the way. */
export interface Answered<T> {
  output: T
  evidence: Evidence
}

/** What the SDK hands to a request handler. */
interface SdkRequest {
  method: string
  protocol: string
  hostname: string
  port?: number
  path: string
  headers: Record<string, string>
  body?: unknown
}

/**
 * Makes one call to IAM.
 *
 * @param work e.g. `(iam) => iam.getUser({ UserName })`
 * @throws ConnectorError; NoSuchEntity is `gone`
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
 */
export async function ask<T>(
  call: CallContext<AwsIamConfig>,
  work: (iam: IAM) => Promise<T>,
): Promise<Answered<T>> {
  const { accessKeyId, secretAccessKey } = call.secrets
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new ConnectorError('credential', 'accessKeyId or secretAccessKey is missing')
  }
  // Loaded when it is needed: it is large.
  const { IAM } = await import('@aws-sdk/client-iam')
  const { region, endpoint } = call.config
  let evidence: Evidence | undefined
  const handle = async (request: SdkRequest) => {
    const response = await send(request, call)
    evidence = response.evidence
    const body = new TextEncoder().encode(response.body)
    return { response: { statusCode: response.status, headers: response.headers, body } }
  }
  const iam = new IAM({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    credentials: { accessKeyId, secretAccessKey },
    // The hub retries, after a look.
    maxAttempts: 1,
    requestHandler: { handle } as never,
  })
  const output = await work(iam)
  if (evidence === undefined) throw new ConnectorError('bug', 'nothing was asked')
  return { output, evidence }
}

/** As `ask`, with undefined where there is no such thing. @throws ConnectorError */
export async function lookUp<T>(
  call: CallContext<AwsIamConfig>,
  work: (iam: IAM) => Promise<T>,
): Promise<{ output: T | undefined; evidence: Evidence }> {
  try {
    return await ask(call, work)
  } catch (error) {
    const { fault, evidence } = error as ConnectorError
    if (!(error instanceof ConnectorError) || fault !== 'gone' || evidence === undefined)
      throw error
    return { output: undefined, evidence }
  }
}

async function send(request: SdkRequest, call: CallContext): Promise<HttpResponse> {
  const { method, protocol, hostname, port, path, headers, body } = request
  const text = typeof body === 'string' ? body : ''
  const action = new URLSearchParams(text).get('Action') ?? ''
  const isRead = /^(Get|List)/.test(action)
  const { host: _, ...rest } = headers
  const received = await call.http.send({
    method: method === 'GET' ? 'GET' : 'POST',
    url: `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}`,
    headers: rest,
    body: text,
    reads: isRead,
  })
  const evidence = { ...received.evidence, target: `${received.evidence.target} ${action}` }
  const response = { ...received, evidence }
  if (response.status >= 400) throw refused(response, action, isRead, call)
  if (response.status === 200 && response.body.includes(NAMESPACE)) return response
  throw new ConnectorError('invalid', `${action}: HTTP ${response.status} is no answer of IAM`, {
    effect: isRead ? 'none' : 'unknown',
    evidence,
  })
}

function refused(
  response: HttpResponse,
  action: string,
  isRead: boolean,
  call: CallContext,
): ConnectorError {
  const code = /<Code>([A-Za-z.]{1,80})<\/Code>/.exec(response.body)?.[1]
  const status = faultOfStatus(response)
  // A missing page is not a missing user: IAM says which entity it does not have.
  const fault = (code === undefined ? undefined : FAULT_OF_CODE[code]) ?? status
  const wait =
    fault === 'throttled' || fault === 'transient'
      ? retryAfterMs(response.headers, call.now())
      : undefined
  return new ConnectorError(fault, `${action}: ${code ?? `HTTP ${response.status}`}`, {
    effect: effectOfStatus(response.status, isRead),
    evidence: response.evidence,
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  })
}
