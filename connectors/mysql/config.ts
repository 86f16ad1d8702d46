import { z } from 'zod'
import { loginSettings } from '#connector-sdk'

/** What the owner of a MariaDB or MySQL server fills in. */
export const mysqlConfig = z.strictObject({
  host: z
    .string()
    .min(1)
    .meta({
      title: 'Host',
      description: 'With TLS a name, not an address: the certificate is checked against it.',
      examples: ['db.example.com'],
    }),
  port: z.int().min(1).max(65_535).default(3306).meta({ title: 'Port' }),
  user: z.string().min(1).meta({ title: 'User of the hub that may change users' }),
  witnessUser: z.string().min(1).optional().meta({
    title: 'User of the hub that may only look',
    description: 'Goes with the secret witnessPassword; default: the same user.',
  }),
  tls: z.enum(['verify', 'off']).default('verify').meta({
    title: 'TLS',
    description:
      'verify: always, with the certificate checked. off: only inside the allowed networks.',
  }),
  ca: z.string().optional().meta({
    title: 'Certificate authority (PEM)',
    description: 'With it, no other is trusted.',
  }),
  ...loginSettings,
  pageSize: z.int().min(1).max(5_000).default(500).meta({ title: 'Users per page' }),
})

export type MysqlConfig = z.output<typeof mysqlConfig>
