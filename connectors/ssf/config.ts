import { z } from 'zod'

/** What is told by a Security Event Token, and which kind of access it is about. */
export const EVENTS = ['account-disabled', 'session-revoked', 'credential-change'] as const

const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/'
const RISC = 'https://schemas.openid.net/secevent/risc/event-type/'

/** Event types as they stand in a Security Event Token. */
export const TYPE_OF: Readonly<Record<EventName, string>> = {
  'account-disabled': `${RISC}account-disabled`,
  'account-enabled': `${RISC}account-enabled`,
  'session-revoked': `${CAEP}session-revoked`,
  'credential-change': `${CAEP}credential-change`,
}

const events = {
  audience: z.string().min(1).meta({
    title: 'Audience',
    description: 'What the receiver expects as "aud".',
  }),
  events: z
    .array(z.enum(EVENTS))
    .min(1)
    .default(['session-revoked'])
    .meta({ title: 'Events that this receiver understands' }),
  credentialType: z
    .enum([
      'password',
      'pin',
      'x509',
      'fido2-platform',
      'fido2-roaming',
      'fido-u2f',
      'verifiable-credential',
      'phone-voice',
      'phone-sms',
      'app',
    ])
    .default('password')
    .meta({ title: 'Credential that credential-change speaks of' }),
  subjectInEvent: z.boolean().default(false).meta({
    title: 'Repeat the subject inside the event',
    description: 'For receivers from before SSF 1.0. Some refuse it.',
  }),
}

const push = z
  .strictObject({
    endpoint: z.url({ protocol: /^https?$/ }).meta({
      title: 'Address that takes the events (RFC 8935)',
      examples: ['https://receiver.example.com/events'],
    }),
    ...events,
  })
  .meta({ title: 'Security events, pushed' })

const poll = z.strictObject(events).meta({
  title: 'Security events, fetched by the receiver (RFC 8936)',
  description: 'At PUBLIC_URL/apps/<id of this app>, with the secret streamToken.',
})

const gtr = z
  .strictObject({
    endpoint: z.url({ protocol: /^https?$/ }).meta({
      title: 'Global token revocation endpoint',
      description: 'In the metadata of an authorization server: global_token_revocation_endpoint.',
    }),
    auth: z.enum(['bearer', 'jwt']).default('bearer').meta({
      title: 'Authentication',
      description: 'bearer: the secret gtrToken. jwt: a token signed with the signing key.',
    }),
    member: z.enum(['sub_id', 'subject']).default('sub_id').meta({
      title: 'Name of the subject in the body',
      description: 'sub_id as in the draft; subject for Auth0.',
    }),
    ends: z.enum(['session', 'oauth_grant']).default('oauth_grant').meta({
      title: 'Kind of access that it ends',
    }),
  })
  .meta({ title: 'Global token revocation' })

const subject = z
  .discriminatedUnion('format', [
    z.strictObject({
      format: z.literal('email'),
      from: z.enum(['userName', 'emails']).default('userName'),
    }),
    z.strictObject({
      format: z.literal('iss_sub'),
      iss: z.string().min(1).meta({ title: 'Issuer that the receiver knows the person by' }),
      from: z.enum(['userName', 'externalId']).default('externalId'),
    }),
    z.strictObject({
      format: z.literal('opaque'),
      from: z.enum(['userName', 'externalId']).default('externalId'),
    }),
  ])
  .default({ format: 'email', from: 'userName' })
  .meta({ title: 'How a person is named (RFC 9493)' })

/** What the owner of a receiver of shared signals fills in. */
export const ssfConfig = z
  .strictObject({
    issuer: z.url().meta({
      title: 'Issuer',
      description: 'What the receiver expects as "iss": the transmitter, i.e. this hub.',
    }),
    signing: z
      .strictObject({
        keyId: z.string().min(1).meta({ title: 'Key id (kid) of the signing key' }),
        algorithm: z.enum(['RS256', 'PS256', 'ES256', 'EdDSA']).default('RS256').meta({
          title: 'Algorithm',
          description: 'The CAEP interoperability profile asks for RS256.',
        }),
      })
      .optional()
      .meta({ title: 'Signature (needed for events, and for jwt)' }),
    subject,
    push: push.optional(),
    poll: poll.optional(),
    gtr: gtr.optional(),
  })
  .superRefine(({ push: pushed, poll: fetched, gtr: revocation, signing }, context) => {
    const events = pushed ?? fetched
    const fault = (message: string, ...path: string[]): void =>
      context.addIssue({ code: 'custom', message, path })
    if (events === undefined && revocation === undefined) {
      fault('push, poll or gtr is needed', 'push')
    }
    if (pushed !== undefined && fetched !== undefined) fault('either push or poll', 'poll')
    if (signing === undefined && (events !== undefined || revocation?.auth === 'jwt')) {
      fault('a signing key is needed', 'signing')
    }
    if (revocation?.ends === 'session' && events?.events.includes('session-revoked')) {
      fault('sessions are ended by session-revoked already', 'gtr', 'ends')
    }
  })

export type SsfConfig = z.output<typeof ssfConfig>
export type SubjectFormat = SsfConfig['subject']
export type EventName = (typeof EVENTS)[number] | 'account-enabled'
/** What is told to a receiver, whichever way it goes. */
export type EventStream = NonNullable<SsfConfig['poll']>
