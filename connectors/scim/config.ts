import { z } from 'zod'

const oauth = z
  .strictObject({
    tokenUrl: z.url().meta({ title: 'Token endpoint' }),
    clientId: z.string().min(1).meta({ title: 'Client id' }),
    witnessClientId: z.string().min(1).optional().meta({
      title: 'Client id for reading back',
      description: 'Goes with the secret witnessClientSecret; default: the same id.',
    }),
    scope: z.string().optional().meta({ title: 'Scope' }),
    audience: z.string().optional().meta({ title: 'Audience' }),
    clientAuth: z.enum(['basic', 'post']).default('basic').meta({ title: 'Client authentication' }),
  })
  .meta({ title: 'OAuth client credentials (instead of a bearer token)' })

/** What the owner of a SCIM app fills in. */
export const scimConfig = z.strictObject({
  baseUrl: z
    .url({ protocol: /^https?$/ })
    .transform((url) => url.replace(/\/+$/, ''))
    .meta({ title: 'SCIM base URL', examples: ['https://app.example.com/scim/v2'] }),
  oauth: oauth.optional(),
  disable: z
    .enum(['patch', 'patch-pathless', 'patch-string', 'put', 'delete'])
    .default('patch')
    .meta({
      title: 'How an account is disabled',
      description:
        'patch: replace path "active". patch-pathless: value {"active": false} without a path. patch-string: "False" as a string. put: the whole user. delete: for good, cannot be undone.',
    }),
  correlateBy: z
    .array(z.enum(['userName', 'externalId', 'emails']))
    .min(1)
    .default(['userName', 'externalId'])
    .meta({ title: 'Keys that tie a person to an account' }),
  emailsAreExact: z.boolean().default(false).meta({
    title: 'An e-mail address identifies a person here',
    description: 'Otherwise a match by e-mail alone goes to a person.',
  }),
  search: z.enum(['filter', 'list']).default('filter').meta({
    title: 'How accounts are found',
    description: 'list: read all users, for servers that cannot filter.',
  }),
  paging: z.enum(['index', 'cursor']).default('index').meta({
    title: 'Paging',
    description: 'cursor: RFC 9865, where ServiceProviderConfig offers it.',
  }),
  pageSize: z.int().min(1).max(1000).default(100).meta({ title: 'Users per page' }),
  maxUsers: z.int().min(1).max(1_000_000).default(20_000).meta({
    title: 'Most users read in one search',
  }),
  missingActiveMeansActive: z.boolean().default(false).meta({
    title: 'This server leaves out "active" when it is true',
    description: 'Otherwise a user without "active" counts as unknown, never as disabled.',
  }),
  listsEverybody: z.boolean().default(false).meta({
    title: 'This server lists every user',
    description:
      'Then whoever is not on a complete listing has no account. Otherwise a person must say so.',
  }),
  protectedUserNames: z.array(z.string()).default([]).meta({
    title: 'Accounts never to be touched',
    description: 'Break-glass accounts and the one this hub uses: a person must decide.',
  }),
  settleSeconds: z.int().min(0).max(86_400).default(0).meta({
    title: 'Seconds until a read shows what was written',
  }),
  residualMinutes: z.int().min(0).max(43_200).default(0).meta({
    title: 'Minutes for which open sessions of this app go on',
    description: 'SCIM ends no sessions. State here how long the app lets them live.',
  }),
})

export type ScimConfig = z.output<typeof scimConfig>
