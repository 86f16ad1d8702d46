import { randomUUID } from 'node:crypto'
import {
  type Ack,
  type CallContext,
  ConnectorError,
  check,
  compareKeys,
  defineConnector,
  type Facet,
  type FacetSpec,
  type Handle,
  type HttpResponse,
  type Match,
  type Observation,
  preview,
  type ReadingOptions,
} from '#connector-sdk'
import {
  type Account,
  accountsOf,
  isRead,
  type Message,
  resultOf,
  signedRequest,
  stateOf,
} from './api.ts'
import { type WebhookConfig, webhookConfig } from './config.ts'

type Call = CallContext<WebhookConfig>

// First the account, then its sessions: the other way round the person signs in again in between.
const account: FacetSpec = {
  facet: 'account',
  enumerate: 'complete',
  revoke: 'api',
  observe: 'strong',
  settleMs: 0,
  residualMs: 0,
  reversible: true,
  before: ['session'],
}
const session: FacetSpec = {
  facet: 'session',
  enumerate: 'none',
  revoke: 'api',
  observe: 'strong',
  settleMs: 0,
  residualMs: 0,
  reversible: false,
}

/** Any application that can answer a signed HTTP request: https://www.standardwebhooks.com */
export default defineConnector<WebhookConfig>({
  manifest: {
    id: 'webhook',
    version: '1.0.0',
    title: 'Signed webhook',
    configSchema: webhookConfig,
    secrets: {
      signingSecret: {
        title: 'Signing secret (whsec_…) that may order revocations',
        required: true,
      },
      witnessSigningSecret: { title: 'Signing secret that may only ask', required: false },
    },
    facets: [account, session],
    limits: { concurrency: 4, timeoutMs: 15_000 },
    quarantineMs: 60_000,
    absenceIs: 'suspect',
  },

  facetsOf: ({ facets, readBack, reversible, settleSeconds, residualMinutes }) =>
    [account, session]
      .filter(({ facet }) => facets.some((chosen) => chosen === facet))
      .map((spec) => ({
        ...spec,
        observe: !readBack ? 'none' : settleSeconds === 0 ? 'strong' : 'eventual',
        settleMs: settleSeconds * 1_000,
        residualMs: spec.facet === 'session' ? residualMinutes * 60_000 : 0,
        reversible: spec.reversible && reversible,
      })),

  absenceOf: ({ listsEverybody }) => (listsEverybody ? 'proof' : 'suspect'),

  test: async (call) => [
    await check('account.correlate', async () => {
      const userName = `quittance-check-${call.now()}@invalid.example`
      const { response, options } = await ask(
        { type: 'account.find', data: { userName, emails: [] } },
        call,
      )
      const { accounts } = accountsOf(response, options)
      if (accounts.length === 0) return 'the application answers and knows nobody who cannot exist'
      throw new ConnectorError('invalid', 'the application found somebody who cannot exist')
    }),
    ...(await Promise.all(
      call.config.facets.map((facet) =>
        check(`${facet}.observe`, async () => {
          if (!call.config.readBack) return 'switched off: nothing will be proven'
          const data = { id: `quittance-check-${call.now()}` }
          const { response, options } = await ask({ type: `${facet}.verify`, data }, call)
          const state = stateOf(response, options)
          if (state === 'absent' || state === 'unknown')
            return `${state} for somebody who cannot exist`
          throw new ConnectorError('invalid', `"${state}" for somebody who cannot exist`)
        }),
      ),
    )),
    { name: 'account.revoke', ok: true, detail: 'not tried: a test writes nothing' },
  ],

  correlate: async ({ userName, externalId, emails }, call) => {
    const data = { userName, emails, ...(externalId === undefined ? {} : { externalId }) }
    const { response, options } = await ask({ type: 'account.find', data }, call)
    const { correlateBy, emailsAreExact } = call.config
    const subject = { sourceId: '', userId: '', ...data }
    return accountsOf(response, options).accounts.flatMap((found): Match[] => {
      const hit = compareKeys(subject, keysOf(found), correlateBy, { emailsAreExact })
      if (hit === undefined) return []
      const { id, protectedBecause } = found
      return [
        {
          handle: { facet: 'account', id },
          ...hit,
          ...(protectedBecause === undefined ? {} : { protectedBecause }),
          evidence: response.evidence,
        },
      ]
    })
  },

  list: async (facet, of, cursor, call) => {
    if (facet !== 'account') throw new ConnectorError('unsupported', `no listing of ${facet}`)
    const message: Message =
      of === 'everyone'
        ? { type: 'account.list', data: cursor === undefined ? {} : { cursor } }
        : {
            type: 'account.find',
            data: {
              userName: of.userName,
              emails: of.emails,
              ...(of.externalId === undefined ? {} : { externalId: of.externalId }),
            },
          }
    const { response, options } = await ask(message, call)
    const { accounts, next } = accountsOf(response, options)
    if (next !== undefined && next === cursor) {
      throw new ConnectorError('unsupported', 'the cursor of this application repeats', {
        evidence: response.evidence,
      })
    }
    const ours = accounts.filter(
      (one) =>
        of === 'everyone' || compareKeys(of, keysOf(one), call.config.correlateBy) !== undefined,
    )
    return {
      items: ours.map((one) => listed(one, response)),
      ...(next === undefined ? {} : { next }),
      complete: true,
    }
  },

  revoke: (handle, call) =>
    order({ type: `${handle.facet}.revoke`, data: { id: handle.id } }, handle, call),

  restore: async (handle, undo, call) => {
    if (handle.facet !== 'account' || !call.config.reversible) {
      throw new ConnectorError('unsupported', `${handle.facet} cannot be put back`)
    }
    return order({ type: 'account.restore', data: { id: handle.id, undo } }, handle, call)
  },

  observe: async (handle, call) => {
    covered(handle.facet, call)
    if (!call.config.readBack) {
      throw new ConnectorError('unsupported', 'this application cannot be read back')
    }
    const message: Message = { type: `${handle.facet}.verify`, data: { id: handle.id } }
    const { response, options } = await ask(message, call)
    const state = stateOf(response, options)
    return { handle, state, at: response.evidence.at, evidence: response.evidence }
  },
})

/** Sends a question. Each is a message of its own: a receiver must not answer it from memory. */
async function ask(message: Message, call: Call): Promise<Answered> {
  const url = call.config.verifyUrl ?? call.config.url
  return send(url, message, randomUUID(), call)
}

async function order(message: Message, handle: Handle, call: Call): Promise<Ack> {
  covered(handle.facet, call)
  const { url } = call.config
  if (call.dryRun) {
    const target = new URL(url)
    return preview(call, {
      method: 'POST',
      target: `${target.host}${target.pathname}`,
      body: JSON.stringify(message),
    })
  }
  const { response, options } = await send(
    url,
    message,
    `${call.idempotencyKey}.${message.type}`,
    call,
  )
  const { result, undo } = resultOf(response, options)
  return { kind: result, evidence: response.evidence, ...(undo === undefined ? {} : { undo }) }
}

interface Answered {
  response: HttpResponse
  options: ReadingOptions
}

async function send(url: string, message: Message, id: string, call: Call): Promise<Answered> {
  const { signingSecret: secret } = call.secrets
  if (secret === undefined) throw new ConnectorError('credential', 'signingSecret is missing')
  const now = call.now()
  const response = await call.http.send(signedRequest(url, message, { secret, id, now }))
  return { response, options: { what: message.type, isRead: isRead(message), now } }
}

function covered(facet: Facet, { config }: Call): void {
  if (config.facets.some((chosen) => chosen === facet)) return
  throw new ConnectorError('unsupported', `this application does not handle ${facet}`)
}

function listed(found: Account, response: HttpResponse): Observation {
  const { id, active } = found
  return {
    handle: { facet: 'account', id },
    state: active === undefined ? 'unknown' : active ? 'live' : 'dead',
    at: response.evidence.at,
    evidence: response.evidence,
    keys: keysOf(found),
  }
}

function keysOf({ userName, externalId, emails }: Account): NonNullable<Observation['keys']> {
  return {
    ...(userName === undefined ? {} : { userName }),
    ...(externalId === undefined ? {} : { externalId }),
    ...(emails === undefined ? {} : { emails }),
  }
}
