import { z } from 'zod'
import { loginSettings } from '#connector-sdk'

/** What the owner of a PostgreSQL server fills in. */
export const postgresqlConfig = z.strictObject({
  host: z
    .string()
    .min(1)
    .meta({ title: 'Host', examples: ['db.example.com'] }),
  port: z.int().min(1).max(65_535).default(5432).meta({ title: 'Port' }),
  database: z.string().min(1).default('postgres').meta({
    title: 'Database to connect to',
    description:
      'Roles belong to the whole server; any database that the hub may connect to will do.',
  }),
  user: z.string().min(1).meta({ title: 'Role of the hub that may change roles' }),
  witnessUser: z.string().min(1).optional().meta({
    title: 'Role of the hub that may only look',
    description: 'Goes with the secret witnessPassword; default: the same role.',
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
  pageSize: z.int().min(1).max(5_000).default(500).meta({ title: 'Roles per page' }),
})

export type PostgresqlConfig = z.output<typeof postgresqlConfig>
