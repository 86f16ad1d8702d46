import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'
import { HubError } from '../shared/errors.ts'
import { readScimExtensions, type ScimExtensions } from './scim-extensions.ts'
import { SETTINGS, type SettingName } from './settings.ts'

export type ProcessRole = 'web' | 'worker' | 'ledger' | 'signer'
type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'

/** All that the environment decides, read once at start. Frozen. */
export interface Config {
  /** 0 to 65535; 0 takes a free port. */
  readonly port: number
  readonly host: string
  /** Without a slash at its end. */
  readonly publicUrl: string
  /** Express' `trust proxy`: false, a number of hops, or addresses and CIDR ranges. */
  readonly trustProxy: false | number | readonly string[]
  readonly roles: readonly ProcessRole[]
  /** Absent: the embedded mongod. */
  readonly mongodbUri: string | undefined
  readonly mongodbDb: string
  readonly mongodBinary: string | undefined
  /** Absolute path. */
  readonly dataDir: string
  /** Absent: see `localSecrets`. */
  readonly adminToken: string | undefined
  /** 32 bytes. Absent: see `localSecrets`. */
  readonly masterKey: Buffer | undefined
  readonly metricsToken: string | undefined
  /** Where people sign in; absent: tokens only. */
  readonly oidc: OidcConfig | undefined
  /** Source whose directory has the hub's own users. */
  readonly adminSource: string | undefined
  readonly ledgerOrigin: string
  /** vkeys; empty: the key is in `dataDir`. */
  readonly ledgerLogKeys: readonly string[]
  /** Path of a C2SP tlog-policy. */
  readonly ledgerPolicyFile: string | undefined
  readonly ledgerTsaUrl: string | undefined
  /** Path of a PEM file. */
  readonly ledgerTsaCertificates: string | undefined
  /** Path of a folder that exists. */
  readonly ledgerWormDirectory: string | undefined
  /** npm package names. */
  readonly connectors: readonly string[]
  /** Schema extensions beside the enterprise user. */
  readonly scimExtensions: ScimExtensions
  /** Path of the settings of alert receivers. */
  readonly alertSinksFile: string | undefined
  /** See `StormLimits`. */
  readonly stormDepartures: number
  /** Percent, 0 to 100. */
  readonly stormSharePercent: number
  readonly logLevel: LogLevel
}

/** A provider, and what its claims mean here. */
export interface OidcConfig {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  readonly roleClaim: string
  /** Value of the claim → role. */
  readonly roles: ReadonlyMap<string, (typeof OIDC_ROLES)[number]>
  readonly personClaim: string
  readonly scope: string
}

const OIDC_ROLES = ['admin', 'operator', 'auditor', 'owner', 'viewer'] as const

const list = (text: string): string[] =>
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

const wholeNumber = (most: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value <= most, `must be at most ${most}`)

const schema = z.object({
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
  MASTER_KEY: z
    .string()
    .transform((text) => Buffer.from(text, 'base64'))
    .refine((key) => key.length === 32, 'must be 32 bytes in base64 (openssl rand -base64 32)')
    .optional(),
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
  CONNECTORS: z
    .string()
    .transform(list)
    .pipe(
      z.array(
        z.string().regex(/^(@[a-z0-9._-]+\/)?[a-z0-9][a-z0-9._-]*$/, 'must be npm package names'),
      ),
    )
    .default([]),
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
  STORM_DEPARTURES: wholeNumber(1_000_000).default(100),
  STORM_SHARE: wholeNumber(100).default(20),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
} satisfies Record<SettingName, z.ZodType>)

/**
 * Reads the configuration. An empty variable counts as unset. Values never appear in the error.
 *
 * @param env environment variables, by name
 * @throws HubError ERR_CONFIG with all faults at once, one line each
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const { values, issues } = readVariables(env)
  const parsed = schema.safeParse(values)
  if (!parsed.success) issues.push(...parsed.error.issues)
  issues.push(...missingTogether(values, issues), ...missingForSignIn(values))
  if (!parsed.success || issues.length > 0) {
    const text = z.prettifyError(new z.ZodError(issues))
    throw new HubError('ERR_CONFIG', `the configuration has faults:\n${text}`)
  }
  const v = parsed.data
  const shownHost = ['0.0.0.0', '::'].includes(v.HOST) ? 'localhost' : v.HOST
  return Object.freeze({
    port: v.PORT,
    host: v.HOST,
    publicUrl:
      v.PUBLIC_URL ?? `http://${shownHost.includes(':') ? `[${shownHost}]` : shownHost}:${v.PORT}`,
    trustProxy: v.TRUST_PROXY,
    roles: Object.freeze([...new Set(v.ROLE)]),
    mongodbUri: v.MONGODB_URI,
    mongodbDb: v.MONGODB_DB,
    mongodBinary: v.MONGOD_BINARY,
    dataDir: resolve(v.DATA_DIR),
    adminToken: v.ADMIN_TOKEN,
    masterKey: v.MASTER_KEY,
    metricsToken: v.METRICS_TOKEN,
    oidc:
      v.OIDC_ISSUER === undefined
        ? undefined
        : Object.freeze({
            issuer: v.OIDC_ISSUER,
            clientId: v.OIDC_CLIENT_ID ?? '',
            clientSecret: v.OIDC_CLIENT_SECRET ?? '',
            roleClaim: v.OIDC_ROLE_CLAIM,
            roles: new Map(v.OIDC_ROLES ?? []),
            personClaim: v.OIDC_PERSON_CLAIM,
            scope: v.OIDC_SCOPE,
          }),
    adminSource: v.ADMIN_SOURCE,
    ledgerOrigin: v.LEDGER_ORIGIN,
    ledgerLogKeys: Object.freeze(v.LEDGER_LOG_KEY),
    ledgerPolicyFile: v.LEDGER_POLICY_FILE,
    ledgerTsaUrl: v.LEDGER_TSA_URL,
    ledgerTsaCertificates: v.LEDGER_TSA_CERTIFICATES,
    ledgerWormDirectory: v.LEDGER_WORM_DIRECTORY,
    connectors: Object.freeze(v.CONNECTORS),
    scimExtensions: v.SCIM_EXTENSIONS_FILE,
    alertSinksFile: v.ALERT_SINKS_FILE,
    stormDepartures: v.STORM_DEPARTURES,
    stormSharePercent: v.STORM_SHARE,
    logLevel: v.LOG_LEVEL,
  })
}

type Issue = z.core.$ZodIssue
const fault = (name: string, message: string): Issue => ({
  code: 'custom',
  path: [name],
  message,
  input: undefined,
})

/** The known variables that are set, with `*_FILE` variants of secrets read. */
function readVariables(env: Readonly<Record<string, string | undefined>>): {
  values: Record<string, string>
  issues: Issue[]
} {
  const values: Record<string, string> = {}
  const issues: Issue[] = []
  for (const setting of SETTINGS) {
    const { name } = setting
    const direct = env[name]?.trim()
    if (direct) values[name] = direct
    const file = 'secret' in setting ? env[`${name}_FILE`]?.trim() : undefined
    if (!file) continue
    if (direct) {
      issues.push(fault(`${name}_FILE`, `is set beside ${name}; set one of them`))
      continue
    }
    try {
      const content = readFileSync(file, 'utf8').trim()
      if (content === '') issues.push(fault(`${name}_FILE`, `${file} is empty`))
      else values[name] = content
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      issues.push(fault(`${name}_FILE`, `${file} cannot be read (${code ?? 'unknown reason'})`))
    }
  }
  return { values, issues }
}

/** A shared database means several processes: a secret generated on one machine would not fit the others. */
function missingTogether(values: Record<string, string>, known: readonly Issue[]): Issue[] {
  if (values['MONGODB_URI'] === undefined) return []
  const roles = list(values['ROLE'] ?? 'all')
  const needed = [
    'MASTER_KEY',
    ...(roles.some((r) => r === 'all' || r === 'web') ? ['ADMIN_TOKEN'] : []),
  ]
  return needed
    .filter((name) => values[name] === undefined)
    .filter((name) => !known.some((issue) => issue.path[0] === `${name}_FILE`))
    .map((name) => fault(name, 'must be set when MONGODB_URI is set'))
}

/** Signing in needs all of it: half a configuration would let nobody in, or everybody. */
function missingForSignIn(values: Record<string, string>): Issue[] {
  if (values['OIDC_ISSUER'] === undefined) return []
  return ['OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET', 'OIDC_ROLES']
    .filter((name) => values[name] === undefined)
    .map((name) => fault(name, 'must be set when OIDC_ISSUER is set'))
}
