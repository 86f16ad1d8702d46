import { z } from 'zod'

/** What may be ended besides the account, in this order. */
export const GOOGLE_FACETS = ['session', 'oauth_grant', 'local_login', 'membership'] as const

const address = (url: string, title: string) =>
  z
    .url({ protocol: /^https?$/ })
    .default(url)
    .transform((text) => text.replace(/\/+$/, ''))
    .meta({ title })

/** What the owner of a Google Workspace account fills in. */
export const googleConfig = z.strictObject({
  adminEmail: z.email().meta({
    title: 'Administrator on whose behalf the hub acts',
    description: 'An account made for this, with a role that may do no more than the README says.',
  }),
  witnessAdminEmail: z.email().optional().meta({
    title: 'Administrator on whose behalf the hub reads back',
    description: 'Goes with the secret witnessServiceAccountKey.',
  }),
  customer: z.string().regex(/^\w+$/).default('my_customer').meta({ title: 'Customer id' }),
  facets: z
    .array(z.enum(GOOGLE_FACETS))
    .default([...GOOGLE_FACETS])
    .meta({
      title: 'Kinds of access to end besides the account',
      description:
        'local_login: app passwords and backup codes. membership: groups and administrator roles.',
    }),
  correlateBy: z
    .array(z.enum(['userName', 'externalId', 'emails']))
    .min(1)
    .default(['userName'])
    .meta({
      title: 'Keys that tie a person to an account',
      description:
        'userName: primary address. externalId: any external id. emails: all addresses, aliases too (weak).',
    }),
  protectedUsers: z.array(z.string()).default([]).meta({
    title: 'Primary addresses never to be touched',
    description: 'Break-glass accounts: a person must decide.',
  }),
  settleSeconds: z.int().min(0).max(3_600).default(60).meta({
    title: 'Seconds until a read shows what was written',
  }),
  apiUrl: address('https://admin.googleapis.com', 'Admin SDK'),
  tokenUrl: address('https://oauth2.googleapis.com/token', 'Where access tokens come from'),
})

export type GoogleConfig = z.output<typeof googleConfig>
