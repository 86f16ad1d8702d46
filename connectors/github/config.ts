import { z } from 'zod'

const name = z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9-_]*[A-Za-z0-9_])?$/)

const organization = z.strictObject({
  kind: z.literal('organization'),
  org: name.meta({ title: 'Organization', examples: ['example-inc'] }),
  correlateBy: z.enum(['saml', 'login']).default('saml').meta({
    title: 'What ties a person to an account',
    description:
      'saml: the NameID of the organization’s single sign-on. login: userName or externalId is the GitHub login.',
  }),
  credentials: z.boolean().default(true).meta({
    title: 'Also remove tokens and keys authorized for single sign-on',
    description: 'Needs an organization with SAML single sign-on.',
  }),
})

const enterprise = z.strictObject({
  kind: z.literal('enterprise'),
  enterprise: name.meta({ title: 'Enterprise with managed users (EMU)' }),
})

/** What the owner of a GitHub organization or enterprise fills in. */
export const githubConfig = z.strictObject({
  apiUrl: z
    .url({ protocol: /^https?$/ })
    .default('https://api.github.com')
    .transform((url) => url.replace(/\/+$/, ''))
    .meta({
      title: 'API',
      description: 'Another one with data residency: https://api.NAME.ghe.com',
    }),
  target: z
    .discriminatedUnion('kind', [organization, enterprise])
    .meta({ title: 'Where people lose their access' }),
  protectedLogins: z.array(z.string()).default([]).meta({
    title: 'Accounts never to be touched',
    description: 'Break-glass and machine accounts: a person must decide.',
  }),
})

export type GithubConfig = z.output<typeof githubConfig>
export type OrganizationConfig = GithubConfig & { target: { kind: 'organization' } }
export type EnterpriseConfig = GithubConfig & { target: { kind: 'enterprise' } }
