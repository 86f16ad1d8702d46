import { z } from 'zod'

/** What may be ended besides the account of an instance, in this order. */
export const GITLAB_FACETS = ['api_token', 'ssh_key', 'signing_key', 'membership'] as const

const instance = z.strictObject({
  kind: z.literal('instance'),
  disable: z.enum(['block', 'ban']).default('block').meta({
    title: 'What is done to the account',
    description: 'ban also hides what the person wrote.',
  }),
  facets: z
    .array(z.enum(GITLAB_FACETS))
    .default([...GITLAB_FACETS])
    .meta({
      title: 'Kinds of access to end besides the account',
      description: 'A block that is lifted brings back every token and key that is left.',
    }),
})

const group = z.strictObject({
  kind: z.literal('group'),
  group: z
    .string()
    .min(1)
    .meta({
      title: 'Top-level group',
      description: 'Its path or number.',
      examples: ['example-inc'],
    }),
})

/** What the owner of a GitLab instance, or of a group on GitLab.com, fills in. */
export const gitlabConfig = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .default('https://gitlab.com')
    .transform((url) => url.replace(/\/+$/, ''))
    .meta({ title: 'GitLab', examples: ['https://gitlab.example.com'] }),
  target: z
    .discriminatedUnion('kind', [instance, group])
    .meta({ title: 'Where people lose their access' }),
  correlateBy: z
    .array(z.enum(['email', 'identity', 'username']))
    .min(1)
    .default(['email'])
    .meta({
      title: 'What the user name of a person is at GitLab',
      description:
        'email: the primary address. identity: the name in the single sign-on. username: the user name there.',
    }),
  provider: z
    .string()
    .regex(/^[\w-]+$/)
    .default('saml')
    .meta({
      title: 'Provider of the identity',
      description: 'Of an instance, for correlateBy identity: saml, openid_connect, ldapmain …',
    }),
  protectedUsers: z.array(z.string()).default([]).meta({
    title: 'User names never to be touched',
    description: 'Break-glass and machine accounts: a person must decide.',
  }),
})

export type GitlabConfig = z.output<typeof gitlabConfig>
export type InstanceConfig = GitlabConfig & { target: { kind: 'instance' } }
export type GroupConfig = GitlabConfig & { target: { kind: 'group' } }
