import { z } from 'zod'

const address = (url: string, title: string) =>
  z
    .url({ protocol: /^https?$/ })
    .default(url)
    .transform((text) => text.replace(/\/+$/, ''))
    .meta({ title, description: 'Another one in national clouds.' })

/** What the owner of a Microsoft Entra tenant fills in. */
export const entraConfig = z.strictObject({
  tenantId: z
    .string()
    .regex(/^[\w.-]+$/)
    .meta({ title: 'Tenant id' }),
  clientId: z.string().min(1).meta({ title: 'Application (client) id' }),
  witnessClientId: z.string().min(1).optional().meta({
    title: 'Application id for reading back',
    description: 'Goes with the secret witnessClientSecret.',
  }),
  correlateBy: z
    .array(z.enum(['userName', 'externalId', 'emails']))
    .min(1)
    .default(['userName'])
    .meta({
      title: 'Keys that tie a person to an account',
      description: 'userName: userPrincipalName. externalId: employeeId. emails: mail (weak).',
    }),
  allowSynced: z.boolean().default(false).meta({
    title: 'Also disable accounts that are synchronised from a directory',
    description: 'The directory enables them again unless they are disabled there as well.',
  }),
  protectedUsers: z.array(z.string()).default([]).meta({
    title: 'Users never to be touched',
    description: 'Break-glass accounts: a person must decide.',
  }),
  settleSeconds: z.int().min(0).max(3_600).default(60).meta({
    title: 'Seconds until a read shows what was written',
  }),
  graphUrl: address('https://graph.microsoft.com/v1.0', 'Microsoft Graph'),
  loginUrl: address('https://login.microsoftonline.com', 'Sign-in'),
})

export type EntraConfig = z.output<typeof entraConfig>
