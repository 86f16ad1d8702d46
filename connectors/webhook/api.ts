import { Webhook } from 'standardwebhooks'
import { z } from 'zod'
import {
  ConnectorError,
  type Facet,
  type HttpRequest,
  type HttpResponse,
  jsonObject,
  type ReadingOptions,
  refusal,
  type Subject,
} from '#connector-sdk'

/** The messages of this connector and the reading of their answers. Nothing here sends anything. */

/** What an application may be asked. `data` is what the body carries beside `type` and `timestamp`. */
export type Message =
  | { type: 'account.find'; data: Pick<Subject, 'userName' | 'externalId' | 'emails'> }
  | { type: 'account.list'; data: { cursor?: string } }
  | { type: `${Facet}.verify`; data: { id: string } }
  | { type: `${Facet}.revoke`; data: { id: string } }
  | { type: `${Facet}.restore`; data: { id: string; undo: { [key: string]: unknown } } }

/** True when the message cannot change anything. */
export function isRead({ type }: Message): boolean {
  return type === 'account.find' || type === 'account.list' || type.endsWith('.verify')
}

/**
 * A request signed as Standard Webhooks demand.
 *
 * @param secret `whsec_` and base64 of the shared key
 * @param id message id: the same for a repetition of the same message, which the receiver carries out once
 * @throws ConnectorError credential when the secret is no base64
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function signedRequest(
  url: string,
  message: Message,
  { secret, id, now }: { secret: string; id: string; now: number },
): HttpRequest {
  const at = new Date(now)
  const body = JSON.stringify({ ...message, timestamp: at.toISOString() })
  return {
    method: 'POST',
    url,
    body,
    reads: isRead(message),
    headers: {
      accept: 'application/json',
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(now / 1_000)),
      'webhook-signature': signer(secret).sign(id, at, body),
    },
  }
}

function signer(secret: string): Webhook {
  try {
    return new Webhook(secret)
  } catch {
    // Without the cause: it may quote the secret.
    throw new ConnectorError('credential', 'signingSecret is not "whsec_" and base64')
  }
}

const accountAnswer = z.object({
  id: z.string().min(1),
  userName: z.string().optional(),
  externalId: z.string().optional(),
  emails: z.array(z.string()).optional(),
  active: z.boolean().optional(),
  protectedBecause: z.string().optional(),
})
const accountsAnswer = z.object({
  accounts: z.array(accountAnswer),
  next: z.string().min(1).optional(),
})
const stateAnswer = z.object({ state: z.enum(['live', 'dead', 'absent', 'unknown']) })
const resultAnswer = z.object({
  result: z.enum(['done', 'accepted', 'already']),
  undo: z.record(z.string(), z.unknown()).optional(),
})

export type Account = z.output<typeof accountAnswer>

/** To `account.find` and `account.list`. @throws ConnectorError */
export function accountsOf(
  response: HttpResponse,
  options: ReadingOptions,
): z.output<typeof accountsAnswer> {
  return typed(accountsAnswer, response, options)
}

/** To `….verify`. @throws ConnectorError */
export function stateOf(
  response: HttpResponse,
  options: ReadingOptions,
): z.output<typeof stateAnswer>['state'] {
  return typed(stateAnswer, response, options).state
}

/** To `….revoke` and `….restore`: a 2xx without a body says no more than "received". @throws ConnectorError */
export function resultOf(
  response: HttpResponse,
  options: ReadingOptions,
): z.output<typeof resultAnswer> {
  const isSuccess = response.status >= 200 && response.status < 300
  if (isSuccess && response.body.trim() === '') return { result: 'accepted' }
  return typed(resultAnswer, response, options)
}

function typed<T>(schema: z.ZodType<T>, response: HttpResponse, options: ReadingOptions): T {
  // Standard Webhooks: 410 Gone means that the endpoint is withdrawn, not that the person is.
  if (response.status === 410) {
    throw new ConnectorError('invalid', `could not ${options.what}: the endpoint is withdrawn`, {
      evidence: response.evidence,
    })
  }
  // A question is answered in the body: 404 says that nobody is there to answer.
  if (response.status === 404 && options.isRead) {
    throw new ConnectorError('invalid', `could not ${options.what}: HTTP 404`, {
      evidence: response.evidence,
    })
  }
  if (response.status >= 400) throw refusal(response, options)
  const parsed = schema.safeParse(jsonObject(response, options))
  if (parsed.success) return parsed.data
  const where = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ')
  throw new ConnectorError('invalid', `could not ${options.what}: unexpected answer at ${where}`, {
    effect: options.isRead ? 'none' : 'unknown',
    evidence: response.evidence,
  })
}
