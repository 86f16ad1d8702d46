import { z } from 'zod'

/** Kinds of access besides the account itself, in the order in which they are ended. */
export const CREDENTIAL_FACETS = [
  'local_login',
  'session',
  'api_token',
  'ssh_key',
  'signing_key',
  'membership',
] as const

/** What the owner of an AWS account fills in. */
export const awsIamConfig = z.strictObject({
  region: z
    .string()
    .regex(/^[a-z0-9-]+$/)
    .default('us-east-1')
    .meta({
      title: 'Region that signs',
      description:
        'IAM is one for all regions of a partition; cn-north-1 and us-gov-west-1 are others.',
    }),
  endpoint: z
    .url({ protocol: /^https?$/ })
    .optional()
    .meta({
      title: 'Address of IAM',
      description: 'Only where it is not the public one, e.g. a VPC endpoint.',
    }),
  names: z
    .array(z.enum(['userName', 'localPart', 'externalId']))
    .min(1)
    .default(['userName'])
    .meta({
      title: 'What is the name of an IAM user',
      description: 'localPart: what stands before the @ of userName.',
    }),
  facets: z
    .array(z.enum(CREDENTIAL_FACETS))
    .default([...CREDENTIAL_FACETS])
    .meta({ title: 'Kinds of access to end besides the account' }),
  keys: z.enum(['deactivate', 'delete']).default('deactivate').meta({
    title: 'What is done to keys',
    description: 'deactivate can be undone. delete cannot.',
  }),
  roles: z
    .array(z.string().regex(/^[\w+=,.@-]{1,64}$/))
    .default([])
    .meta({
      title: 'Roles whose sessions are ended too',
      description: 'Everybody who is using one of these roles must sign in again.',
    }),
  protectedUsers: z.array(z.string()).default([]).meta({
    title: 'Users never to be touched',
    description: 'Break-glass users: a person must decide.',
  }),
  settleSeconds: z.int().min(0).max(600).default(15).meta({
    title: 'Seconds until a read shows what was written',
    description: 'IAM is eventually consistent.',
  }),
})

export type AwsIamConfig = z.output<typeof awsIamConfig>
