import { z } from 'zod'

/** What the owner of a webhook app fills in. */
export const webhookConfig = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).meta({
    title: 'URL that takes the signed requests',
    examples: ['https://app.example.com/hooks/access'],
  }),
  verifyUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .meta({
      title: 'URL to read back from',
      description: 'Best served by another system than the first. Default: the same URL.',
    }),
  facets: z
    .array(z.enum(['account', 'session']))
    .min(1)
    .default(['account', 'session'])
    .meta({
      title: 'Kinds of access that the application handles',
    }),
  readBack: z.boolean().default(true).meta({
    title: 'The application answers "….verify"',
    description: 'Without it nothing can be proven: every revocation waits for a person.',
  }),
  reversible: z.boolean().default(true).meta({
    title: 'The application answers "account.restore"',
  }),
  correlateBy: z
    .array(z.enum(['userName', 'externalId', 'emails']))
    .min(1)
    .default(['userName', 'externalId'])
    .meta({ title: 'Keys that tie a person to an account' }),
  emailsAreExact: z.boolean().default(false).meta({
    title: 'An e-mail address identifies a person here',
  }),
  listsEverybody: z.boolean().default(false).meta({
    title: 'The application answers "account.list" with every account',
    description:
      'Then whoever is not on a complete listing has no account. Otherwise a person must say so.',
  }),
  settleSeconds: z.int().min(0).max(86_400).default(0).meta({
    title: 'Seconds until a read shows what was done',
  }),
  residualMinutes: z.int().min(0).max(43_200).default(0).meta({
    title: 'Minutes for which what is already issued goes on working',
    description: 'E.g. the life of signed tokens that nobody can recall.',
  }),
})

export type WebhookConfig = z.output<typeof webhookConfig>
