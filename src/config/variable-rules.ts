import { z } from 'zod'
import { readScimExtensions, type ScimExtensions } from './scim-extensions.ts'
import type { SettingName } from './settings.ts'

export const OIDC_ROLES = ['admin', 'operator', 'auditor', 'owner', 'viewer'] as const

/** A comma-separated list; empty parts do not count. */
export const list = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')

/** What `all` means: a signer apart from the sequencer is a choice. */
const ROLES = ['web', 'worker', 'ledger'] as const
/** The characters of RFC 6750 §2.1: another one could not be sent in an Authorization header. */
const token = z
  .string()
  .regex(
    /^[A-Za-z0-9\-._~+/]{32,512}=*$/,
    'must have at least 32 characters, of letters, digits and -._~+/=',
  )

const masterKey = z
  .string()
  .transform((text) => Buffer.from(text, 'base64'))
  .refine((key) => key.length === 32, 'must be 32 bytes in base64 (openssl rand -base64 32)')

const wholeNumber = (most: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value <= most, `must be at most ${most}`)

/** What each variable must look like, and what it becomes. No rule looks at two variables. */
export const variableRules = z.object({
  PORT: z
    .string()
    .regex(/^\d{1,5}$/, 'must be a number')
    .transform(Number)
    .refine((port) => port <= 65_535, 'must be at most 65535')
    .default(8080),
  HOST: z.string().default('127.0.0.1'),
  PUBLIC_URL: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .refine((url) => !/[?#]/.test(url), 'must have no query and no fragment')
    .transform((url) => url.replace(/\/+$/, ''))
    .optional(),
  TRUST_PROXY: z
    .string()
    .refine((text) => text !== 'true', 'names proxies; "true" would believe everybody')
    .refine(
      (text) =>
        text === 'none' ||
        /^\d{1,2}$/.test(text) ||
        list(text).every((part) =>
          /^[0-9a-fA-F.:]+(\/\d{1,3})?$|^(loopback|linklocal|uniquelocal)$/.test(part),
        ),
      'must be a number of proxies or a list of addresses',
    )
    .transform((text): false | number | readonly string[] =>
      text === 'none' ? false : /^\d+$/.test(text) ? Number(text) : Object.freeze(list(text)),
    )
    .default(false),
  ROLE: z
    .string()
    .transform((text) => (text === 'all' ? [...ROLES] : list(text)))
    .pipe(z.array(z.enum([...ROLES, 'signer'])).min(1))
    .default([...ROLES]),
  MONGODB_URI: z
    .string()
    .regex(/^mongodb(\+srv)?:\/\//, 'must start with mongodb:// or mongodb+srv://')
    .optional(),
  MONGODB_DB: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,63}$/, 'may hold letters, digits, _ and -')
    .default('quittance'),
  MONGOD_BINARY: z.string().optional(),
  DATA_DIR: z.string().default('./.data'),
  ADMIN_TOKEN: token.optional(),
  MASTER_KEY: masterKey.optional(),
  MASTER_KEY_OTHER: masterKey.optional(),
  METRICS_TOKEN: token.optional(),
  OIDC_ISSUER: z
    .url({ protocol: /^https?$/, error: 'must be a URL' })
    .refine(
      (url) => /^https:|^http:\/\/(127\.0\.0\.1|localhost|\[::1\])[:/]/.test(`${url}/`),
      'must be https, but for a provider on this machine',
    )
    .optional(),
  OIDC_CLIENT_ID: z.string().optional(),
  OIDC_CLIENT_SECRET: z.string().optional(),
  OIDC_ROLES: z
    .string()
    .transform((text) =>
      list(text).map((pair) => [
        pair.slice(0, pair.lastIndexOf('=')).trim(),
        pair.slice(pair.lastIndexOf('=') + 1).trim(),
      ]),
    )
    .pipe(z.array(z.tuple([z.string().min(1), z.enum(OIDC_ROLES)])).min(1))
    .optional(),
  OIDC_ROLE_CLAIM: z.string().default('groups'),
  OIDC_PERSON_CLAIM: z.string().default('email'),
  OIDC_SCOPE: z
    .string()
    .regex(/(^| )openid( |$)/, 'must include openid')
    .default('openid email profile'),
  ADMIN_SOURCE: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be the id of a source')
    .optional(),
  LEDGER_ORIGIN: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/, 'must be like hub.example.com/ledger')
    .default('quittance.local/ledger'),
  LEDGER_LOG_KEY: z
    .string()
    .transform(list)
    .pipe(z.array(z.string().regex(/^[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}$/, 'must be vkeys')))
    .default([]),
  LEDGER_POLICY_FILE: z.string().optional(),
  LEDGER_TSA_URL: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).optional(),
  LEDGER_TSA_CERTIFICATES: z.string().optional(),
  LEDGER_WORM_DIRECTORY: z.string().optional(),
  LEDGER_WORM_S3_BUCKET: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be the name of a bucket')
    .optional(),
  LEDGER_WORM_S3_PREFIX: z
    .string()
    .regex(/^([A-Za-z0-9._-]+\/)+$/, 'must be like hub/ with a / at its end')
    .default(''),
  LEDGER_WORM_S3_REGION: z
    .string()
    .regex(/^[a-z0-9-]{2,32}$/, 'must be the name of a region')
    .default('us-east-1'),
  LEDGER_WORM_S3_ENDPOINT: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .optional(),
  LEDGER_WORM_S3_RETENTION_DAYS: wholeNumber(36_500)
    .refine((days) => days > 0, 'must be at least 1')
    .default(3_650),
  LEDGER_WORM_S3_ACCESS_KEY_ID: z.string().optional(),
  LEDGER_WORM_S3_SECRET_ACCESS_KEY: z.string().optional(),
  CONNECTORS: z
    .string()
    .transform(list)
    .pipe(
      z.array(
        z.string().regex(/^(@[a-z0-9._-]+\/)?[a-z0-9][a-z0-9._-]*$/, 'must be npm package names'),
      ),
    )
    .default([]),
  EXEC_CONNECTOR_DIR: z.string().optional(),
  SCIM_EXTENSIONS_FILE: z
    .string()
    .transform((path, context): ScimExtensions => {
      const read = readScimExtensions(path)
      if ('extensions' in read) return read.extensions
      for (const message of read.faults) context.addIssue({ code: 'custom', message })
      return z.NEVER
    })
    .default([]),
  ALERT_SINKS_FILE: z.string().optional(),
  WORKER_LEASE_SECONDS: wholeNumber(300)
    .refine((seconds) => seconds >= 4, 'must be at least 4')
    .default(20),
  STORM_DEPARTURES: wholeNumber(1_000_000).default(100),
  STORM_SHARE: wholeNumber(100).default(20),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
} satisfies Record<SettingName, z.ZodType>)
