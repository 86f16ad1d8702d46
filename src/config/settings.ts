/** One setting of the hub, as documentation: `.env.example` and the README's table are checked against this list. */
export interface Setting {
  /** Name of the environment variable. */
  name: string
  /** What holds when the variable is unset or empty; absent where there is no default. */
  default?: string
  /** Secrets can also be given as `<NAME>_FILE`, the path of a file that holds the value. */
  secret?: true
  /** One or two plain sentences for an operator. */
  description: string
}

/** Every environment variable that the hub reads, in the order in which people meet them. */
export const SETTINGS = [
  {
    name: 'PORT',
    default: '8080',
    description: 'TCP port of SCIM and API. 0 takes a free one.',
  },
  {
    name: 'HOST',
    default: '127.0.0.1',
    description: 'Address to listen on. Containers set 0.0.0.0.',
  },
  {
    name: 'PUBLIC_URL',
    default: 'http://HOST:PORT',
    description:
      'Base URL under which identity providers and people reach the hub. SCIM locations and printed addresses start with it.',
  },
  {
    name: 'TRUST_PROXY',
    default: 'none',
    description:
      'Whose X-Forwarded-For is believed: a number of proxies, or a comma-separated list of their addresses or CIDR ranges.',
  },
  {
    name: 'ROLE',
    default: 'all',
    description:
      'What this process does: all, or a comma-separated list of web (SCIM and API), worker (revokes and reads back), ledger (seals and signs; with LEDGER_LOG_KEY it only seals), signer (signs only, beside such a ledger).',
  },
  {
    name: 'MONGODB_URI',
    default: 'embedded',
    secret: true,
    description:
      'MongoDB replica set or mongos. Without it the hub runs a mongod of its own in DATA_DIR.',
  },
  { name: 'MONGODB_DB', default: 'quittance', description: 'Name of the database.' },
  {
    name: 'MONGOD_BINARY',
    default: 'found by itself',
    description: 'mongod program of the embedded database.',
  },
  {
    name: 'DATA_DIR',
    default: './.data',
    description: 'Folder of the embedded database, the signing keys and generated secrets.',
  },
  {
    name: 'ADMIN_TOKEN',
    default: 'generated in DATA_DIR',
    secret: true,
    description:
      'Bearer token of the first admin, at least 32 characters. Needed with MONGODB_URI where the role is web.',
  },
  {
    name: 'MASTER_KEY',
    default: 'generated in DATA_DIR',
    secret: true,
    description:
      'Wraps the keys of stored secrets and evidence: 32 random bytes in base64 (openssl rand -base64 32). Needed with MONGODB_URI. Without it nothing stored can be opened again: back it up.',
  },
  {
    name: 'MASTER_KEY_OTHER',
    default: 'none',
    secret: true,
    description:
      'A second master key that opens and wraps nothing: the coming or the former one while keys change. docs/operations.md has the steps.',
  },
  {
    name: 'METRICS_TOKEN',
    default: 'none',
    secret: true,
    description:
      'Bearer token that may read /metrics and nothing else, at least 32 characters. The admin token may read it too.',
  },
  {
    name: 'OIDC_ISSUER',
    default: 'none',
    description:
      'OpenID Connect provider at which people sign in to the API; its redirect address is PUBLIC_URL/auth/callback. Without it there are tokens only.',
  },
  {
    name: 'OIDC_CLIENT_ID',
    default: 'none',
    description: 'Client id of the hub at that provider. Needed with OIDC_ISSUER.',
  },
  {
    name: 'OIDC_CLIENT_SECRET',
    default: 'none',
    secret: true,
    description: 'Client secret of the hub at that provider. Needed with OIDC_ISSUER.',
  },
  {
    name: 'OIDC_ROLES',
    default: 'none',
    description:
      'Who may do what: comma-separated value=role, such as hub-admins=admin,audit=auditor. Roles: admin, operator, auditor, owner, viewer. Needed with OIDC_ISSUER.',
  },
  {
    name: 'OIDC_ROLE_CLAIM',
    default: 'groups',
    description: 'Claim of the ID token that holds those values.',
  },
  {
    name: 'OIDC_PERSON_CLAIM',
    default: 'email',
    description: 'Claim that names the person. The same as person in API tokens.',
  },
  {
    name: 'OIDC_SCOPE',
    default: 'openid email profile',
    description: 'Scopes that are asked for.',
  },
  {
    name: 'ADMIN_SOURCE',
    default: 'none',
    description:
      'Source whose directory has the hub’s own users, by user name or e-mail address. Who is deactivated there loses sessions and API tokens at once.',
  },
  {
    name: 'LEDGER_ORIGIN',
    default: 'quittance.local/ledger',
    description:
      'Name of the ledger in checkpoints and certificates: a host name of yours and a path. It cannot be changed once the ledger has an entry.',
  },
  {
    name: 'LEDGER_LOG_KEY',
    default: 'the key in DATA_DIR/keys',
    description:
      'Comma-separated public keys (vkeys) of the ledger. With them the role ledger holds no key and seals only; a process with the role signer signs.',
  },
  {
    name: 'LEDGER_POLICY_FILE',
    default: 'none',
    description:
      'Witnesses of the ledger: a C2SP tlog-policy whose witness lines end with an address. The signer shows every checkpoint to them.',
  },
  {
    name: 'LEDGER_TSA_URL',
    default: 'none',
    description:
      'RFC 3161 time-stamping authority. The signer has a checkpoint stamped every hour; the authority sees a hash. Needs LEDGER_TSA_CERTIFICATES.',
  },
  {
    name: 'LEDGER_TSA_CERTIFICATES',
    default: 'none',
    description: 'PEM file with the certificate of that authority, or of its issuer.',
  },
  {
    name: 'LEDGER_WORM_DIRECTORY',
    default: 'none',
    description:
      'Folder on write-once storage. The signer copies there what it signed, every ten seconds; quittance ledger recover reads it. It must exist.',
  },
  {
    name: 'LEDGER_WORM_S3_BUCKET',
    default: 'none',
    description:
      'Bucket with Object Lock, at AWS or another S3, for that copy instead of a folder. Objects are kept in COMPLIANCE mode.',
  },
  {
    name: 'LEDGER_WORM_S3_PREFIX',
    default: 'none',
    description: 'Folder in that bucket, such as hub/.',
  },
  {
    name: 'LEDGER_WORM_S3_REGION',
    default: 'us-east-1',
    description: 'Region of that bucket.',
  },
  {
    name: 'LEDGER_WORM_S3_ENDPOINT',
    default: 'AWS',
    description: 'Base URL of that S3, where it is not AWS.',
  },
  {
    name: 'LEDGER_WORM_S3_RETENTION_DAYS',
    default: '3650',
    description:
      'How long nobody can delete an object of that copy, the owner of the account included.',
  },
  {
    name: 'LEDGER_WORM_S3_ACCESS_KEY_ID',
    default: 'as the AWS SDK finds it',
    description:
      'Access key for that bucket. It needs s3:PutObject, s3:PutObjectRetention, s3:GetObject, s3:GetObjectVersion, s3:ListBucketVersions, s3:GetBucketObjectLockConfiguration.',
  },
  {
    name: 'LEDGER_WORM_S3_SECRET_ACCESS_KEY',
    secret: true,
    default: 'as the AWS SDK finds it',
    description: 'Secret of that access key.',
  },
  {
    name: 'CONNECTORS',
    default: 'none',
    description: 'Comma-separated npm packages with further connectors.',
  },
  {
    name: 'EXEC_CONNECTOR_DIR',
    default: 'none',
    description:
      'Folder with the programs that the exec connector may run. The same one on every worker, and where apps are tested.',
  },
  {
    name: 'SCIM_EXTENSIONS_FILE',
    default: 'none',
    description:
      'JSON file of further SCIM schema extensions for users and groups; docs/scim.md has the format. The same one on every process.',
  },
  {
    name: 'ALERT_SINKS_FILE',
    default: 'none',
    description:
      'JSON file of the receivers of alerts (webhook, Slack, e-mail, syslog, SIEM); docs/alerts.md has the format. The same one on every worker.',
  },
  {
    name: 'WORKER_LEASE_SECONDS',
    default: '20',
    description:
      'A worker that fell silent is replaced after so long, 4 to 300. No call onto an app takes longer. The same one on every worker.',
  },
  {
    name: 'STORM_DEPARTURES',
    default: '100',
    description:
      'Storm guard: from so many departures of one source within an hour, what cannot be undone waits for two persons. 0 switches it off.',
  },
  {
    name: 'STORM_SHARE',
    default: '20',
    description:
      'The same from this share of the people of a source, in percent, but from 20 departures on. 0: by number alone.',
  },
  {
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    default: 'none',
    description:
      'Base URL of an OpenTelemetry collector (OTLP over HTTP, such as http://127.0.0.1:4318) that gets traces. Without it none are made; docs/telemetry.md has what they say.',
  },
  {
    name: 'LOG_LEVEL',
    default: 'info',
    description: 'fatal, error, warn, info, debug, trace or silent.',
  },
] as const satisfies readonly Setting[]

export type SettingName = (typeof SETTINGS)[number]['name']
