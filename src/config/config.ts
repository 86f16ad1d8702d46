import { resolve } from 'node:path'
import { z } from 'zod'
import { HubError } from '../shared/errors.ts'
import { fault, type Issue, readVariables } from './read-variables.ts'
import type { ScimExtensions } from './scim-extensions.ts'
import { list, type OIDC_ROLES, variableRules } from './variable-rules.ts'

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
  /** 32 bytes each; they open and wrap nothing. */
  readonly otherMasterKeys: readonly Buffer[]
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
  /** A bucket instead of that folder. */
  readonly ledgerWormS3: WormS3Config | undefined
  /** npm package names. */
  readonly connectors: readonly string[]
  /** Absolute path of the folder of connector programs. */
  readonly execConnectorDir: string | undefined
  /** Schema extensions beside the enterprise user. */
  readonly scimExtensions: ScimExtensions
  /** Path of the settings of alert receivers. */
  readonly alertSinksFile: string | undefined
  /** Seconds. */
  readonly workerLeaseSeconds: number
  /** See `StormLimits`. */
  readonly stormDepartures: number
  /** Percent, 0 to 100. */
  readonly stormSharePercent: number
  /** Base URL of OTLP over HTTP; absent: no traces. */
  readonly otlpEndpoint: string | undefined
  readonly logLevel: LogLevel
}

/** Where in S3 the write-once copy is kept. */
export interface WormS3Config {
  readonly bucket: string
  readonly region: string
  /** Absent: AWS. */
  readonly endpoint?: string
  /** Empty, or ends with `/`. */
  readonly prefix: string
  readonly retentionDays: number
  /** Absent: as the AWS SDK finds them. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string }
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

/**
 * Reads the configuration. An empty variable counts as unset. Values never appear in the error.
 *
 * @param env environment variables, by name
 * @throws HubError ERR_CONFIG with all faults at once, one line each
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const { values, issues } = readVariables(env)
  const parsed = variableRules.safeParse(values)
  if (!parsed.success) issues.push(...parsed.error.issues)
  issues.push(
    ...missingTogether(values, issues),
    ...missingForSignIn(values),
    ...faultsOfCopy(values),
  )
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
    otherMasterKeys: Object.freeze(v.MASTER_KEY_OTHER === undefined ? [] : [v.MASTER_KEY_OTHER]),
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
    ledgerWormS3: wormS3(v),
    connectors: Object.freeze(v.CONNECTORS),
    execConnectorDir:
      v.EXEC_CONNECTOR_DIR === undefined ? undefined : resolve(v.EXEC_CONNECTOR_DIR),
    scimExtensions: v.SCIM_EXTENSIONS_FILE,
    alertSinksFile: v.ALERT_SINKS_FILE,
    workerLeaseSeconds: v.WORKER_LEASE_SECONDS,
    stormDepartures: v.STORM_DEPARTURES,
    stormSharePercent: v.STORM_SHARE,
    otlpEndpoint: v.OTEL_EXPORTER_OTLP_ENDPOINT,
    logLevel: v.LOG_LEVEL,
  })
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

/** One write-once copy; a key without its secret would be found out hours later. */
function faultsOfCopy(values: Record<string, string>): Issue[] {
  const has = (name: string): boolean => values[name] !== undefined
  const [id, secret] = ['LEDGER_WORM_S3_ACCESS_KEY_ID', 'LEDGER_WORM_S3_SECRET_ACCESS_KEY'] as const
  return [
    ...(has('LEDGER_WORM_DIRECTORY') && has('LEDGER_WORM_S3_BUCKET')
      ? [fault('LEDGER_WORM_S3_BUCKET', 'is set beside LEDGER_WORM_DIRECTORY; set one of them')]
      : []),
    ...(has(id) && !has(secret) ? [fault(secret, `must be set when ${id} is set`)] : []),
    ...(has(secret) && !has(id) ? [fault(id, `must be set when ${secret} is set`)] : []),
  ]
}

function wormS3(v: z.infer<typeof variableRules>): WormS3Config | undefined {
  const { LEDGER_WORM_S3_BUCKET: bucket, LEDGER_WORM_S3_ENDPOINT: endpoint } = v
  if (bucket === undefined) return undefined
  const accessKeyId = v.LEDGER_WORM_S3_ACCESS_KEY_ID
  const secretAccessKey = v.LEDGER_WORM_S3_SECRET_ACCESS_KEY
  return Object.freeze({
    bucket,
    region: v.LEDGER_WORM_S3_REGION,
    ...(endpoint === undefined ? {} : { endpoint }),
    prefix: v.LEDGER_WORM_S3_PREFIX,
    retentionDays: v.LEDGER_WORM_S3_RETENTION_DAYS,
    ...(accessKeyId === undefined || secretAccessKey === undefined
      ? {}
      : { credentials: { accessKeyId, secretAccessKey } }),
  })
}

/** Signing in needs all of it: half a configuration would let nobody in, or everybody. */
function missingForSignIn(values: Record<string, string>): Issue[] {
  if (values['OIDC_ISSUER'] === undefined) return []
  return ['OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET', 'OIDC_ROLES']
    .filter((name) => values[name] === undefined)
    .map((name) => fault(name, 'must be set when OIDC_ISSUER is set'))
}
