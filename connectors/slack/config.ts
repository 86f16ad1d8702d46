import { z } from 'zod'

const address = (url: string, title: string) =>
  z
    .url({ protocol: /^https?$/ })
    .default(url)
    .transform((text) => text.replace(/\/+$/, ''))
    .meta({ title })

/** What the owner of a Slack workspace or organization fills in. */
export const slackConfig = z.strictObject({
  plan: z.enum(['enterprise', 'business']).meta({
    title: 'Plan',
    description:
      'business: Business+, one workspace. Only Enterprise organizations let sessions be ended and listed.',
  }),
  sessionTeams: z
    .array(z.string().regex(/^[TE][A-Z0-9]+$/))
    .default([])
    .meta({
      title: 'Workspaces whose sessions are read back',
      description:
        'All ids, the organization’s too: others are not looked at. Default: every session of the organization.',
    }),
  correlateBy: z
    .array(z.enum(['emails', 'userName', 'externalId']))
    .min(1)
    .default(['userName'])
    .meta({
      title: 'Keys that tie a person to an account',
      description:
        'userName: their user name here is an address or user name there. emails: their addresses (weak). externalId: as provisioned.',
    }),
  protectedUsers: z.array(z.string()).default([]).meta({
    title: 'Addresses or user ids never to be touched',
    description: 'The primary owner, break-glass accounts: a person must decide.',
  }),
  settleSeconds: z.int().min(0).max(3_600).default(30).meta({
    title: 'Seconds until a read shows that sessions have ended',
  }),
  scimUrl: address('https://api.slack.com/scim/v2', 'SCIM API'),
  apiUrl: address('https://slack.com/api', 'Web API'),
})

export type SlackConfig = z.output<typeof slackConfig>
