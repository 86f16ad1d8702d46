import { z } from 'zod'

/** What may be ended besides the account, in this order. */
export const OKTA_FACETS = [
  'session',
  'oauth_grant',
  'api_token',
  'membership',
  'local_login',
] as const

const byToken = z.strictObject({ kind: z.literal('token') })
const byKey = z.strictObject({
  kind: z.literal('oauth'),
  clientId: z.string().min(1).meta({ title: 'Client id of the service app' }),
  keyId: z.string().min(1).optional().meta({ title: 'Id of its key' }),
  witnessClientId: z.string().min(1).optional().meta({
    title: 'Client id of the service app for reading back',
    description: 'Goes with the secret witnessPrivateKey.',
  }),
  witnessKeyId: z.string().min(1).optional().meta({ title: 'Id of its key' }),
})

/** What the owner of an Okta organization fills in. */
export const oktaConfig = z.strictObject({
  orgUrl: z
    .url({ protocol: /^https?$/ })
    .transform((url) => url.replace(/\/+$/, ''))
    .meta({ title: 'Okta organization', examples: ['https://example.okta.com'] }),
  auth: z
    .discriminatedUnion('kind', [byToken, byKey])
    .default({ kind: 'token' })
    .meta({ title: 'How the hub proves who it is' }),
  disable: z.enum(['suspend', 'deactivate']).default('suspend').meta({
    title: 'What is done to the account',
    description:
      'suspend can be undone. deactivate removes the user from all apps there, for good.',
  }),
  whenNotActive: z.enum(['person', 'deactivate']).default('person').meta({
    title: 'What is done to an account that Okta does not suspend',
    description: 'Only active users can be suspended: not locked out, staged or recovering ones.',
  }),
  facets: z
    .array(z.enum(OKTA_FACETS))
    .default(['session', 'oauth_grant', 'api_token', 'membership'])
    .meta({
      title: 'Kinds of access to end besides the account',
      description: 'local_login: resets all factors, which cannot be read back.',
    }),
  appAssignments: z.boolean().default(false).meta({
    title: 'Also take back apps that were assigned to the person alone',
    description: 'Part of membership. Apps with provisioning may then delete what they hold.',
  }),
  correlateBy: z
    .array(z.enum(['userName', 'externalId', 'emails']))
    .min(1)
    .default(['userName'])
    .meta({
      title: 'Keys that tie a person to an account',
      description: 'userName: login. externalId: see below. emails: the first address (weak).',
    }),
  externalIdAttribute: z
    .string()
    .regex(/^\w+$/)
    .default('employeeNumber')
    .meta({ title: 'Attribute of the profile that holds the external id' }),
  protectedUsers: z.array(z.string()).default([]).meta({
    title: 'Logins never to be touched',
    description: 'Break-glass accounts: a person must decide.',
  }),
  accessTokenMinutes: z.int().min(0).max(1_440).default(60).meta({
    title: 'Minutes for which an access token lives',
    description: 'As the access policies of the authorization servers have it.',
  }),
})

export type OktaConfig = z.output<typeof oktaConfig>
