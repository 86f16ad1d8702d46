import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { HubError } from '../shared/errors.ts'
import { RULES, type RuleName } from './rules.ts'

const network = z.union([z.cidrv4(), z.cidrv6()], 'must be a CIDR range, e.g. 10.2.0.0/16')
/** A path, relative to the settings file, of a file that holds the secret. */
const secretFile = z.string().min(1).max(4_096)
const https = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' })
const port = z.int().min(1).max(65_535)
const mailbox = z.email().max(320)

const common = {
  /** Names the sink in the queue, in the log and in alerts. Renamed, it is another sink. */
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'may hold small letters, digits and -'),
  /** `critical` leaves out warnings. */
  severity: z.enum(['warning', 'critical']).default('warning'),
  /** Only these rules; default: all. */
  rules: z
    .array(z.enum(Object.keys(RULES) as [RuleName, ...RuleName[]]))
    .min(1)
    .optional(),
  /** Also tell that the cause of an alert is gone. */
  resolved: z.boolean().default(true),
  /** Private networks in which the receiver may be; plain connections are possible there alone. */
  allowNetworks: z.array(network).default([]),
  /** PEM file of an authority of your own. */
  caFile: z.string().optional(),
}

const sink = z.discriminatedUnion('kind', [
  z.strictObject({ ...common, kind: z.literal('webhook'), url: https, secretFile }),
  z.strictObject({ ...common, kind: z.literal('slack'), urlFile: secretFile }),
  z.strictObject({
    ...common,
    kind: z.literal('email'),
    host: z.string().min(1).max(253),
    port: port.default(465),
    /** `tls` from the first byte, `starttls` before anything is said, `none` inside allowNetworks alone. */
    protection: z.enum(['tls', 'starttls', 'none']).default('tls'),
    user: z.string().optional(),
    passwordFile: secretFile.optional(),
    from: mailbox,
    to: z.array(mailbox).max(50).default([]),
    /** Also write to the owners of the app, where they are given as addresses. */
    owners: z.boolean().default(false),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('syslog'),
    host: z.string().min(1).max(253),
    port: port.default(6514),
    transport: z.enum(['tls', 'tcp', 'udp']).default('tls'),
    /** Your IANA enterprise number; 32473 is the one for examples (RFC 5612). */
    enterpriseId: z.int().min(1).default(32_473),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('ocsf'),
    url: https,
    /** Value of the Authorization header, e.g. `Splunk …` or `Bearer …`. */
    authorizationFile: secretFile.optional(),
  }),
  z.strictObject({ ...common, kind: z.literal('ocsf-file'), path: z.string().min(1) }),
])

const schema = z.strictObject({
  /** Address under which people find the runbook; alerts link to `<runbookUrl>#<rule>`. */
  runbookUrl: https.optional(),
  sinks: z
    .array(sink)
    .max(32)
    .refine((sinks) => new Set(sinks.map(({ id }) => id)).size === sinks.length, {
      error: 'two sinks have the same id',
    }),
})

/** Where alerts go, as the file of ALERT_SINKS_FILE says; paths are absolute, secrets are read. */
export interface SinkSettings {
  runbookUrl: string | undefined
  sinks: readonly SinkSetting[]
}

type Parsed = z.infer<typeof sink>
/** One sink with what its files hold: `secret` (key, URL, password or header), `ca` (PEM). */
export type SinkSetting = Parsed & { secret: string | undefined; ca: string | undefined }

/**
 * Reads the settings and every secret that they name, so that a fault is found at start and not with the first alert.
 *
 * @param file undefined: no sinks
 * @throws HubError ERR_CONFIG with all faults at once, without values
 */
export function readSinkSettings(file: string | undefined): SinkSettings {
  if (file === undefined) return { runbookUrl: undefined, sinks: [] }
  const faults: string[] = []
  const parsed = schema.safeParse(parse(file))
  if (!parsed.success) throw refusal(file, [z.prettifyError(parsed.error)])
  const read = (id: string, path: string | undefined): string | undefined => {
    if (path === undefined) return undefined
    try {
      const text = readFileSync(resolve(dirname(file), path), 'utf8').trim()
      if (text !== '') return text
      faults.push(`${id}: ${path} is empty`)
    } catch (error) {
      faults.push(`${id}: ${path} cannot be read (${codeOf(error)})`)
    }
    return undefined
  }
  const sinks = parsed.data.sinks.map((one) => {
    const whole = {
      ...one,
      secret: read(one.id, secretPath(one)),
      ca: read(one.id, one.caFile),
    }
    if (
      whole.kind === 'webhook' &&
      whole.secret !== undefined &&
      !/^whsec_[A-Za-z0-9+/]{32,}=*$/.test(whole.secret)
    ) {
      faults.push(`${one.id}: ${whole.secretFile} must hold whsec_ and a key in base64`)
    }
    if (whole.kind === 'slack' && whole.secret !== undefined && !URL.canParse(whole.secret)) {
      faults.push(`${one.id}: ${whole.urlFile} holds no URL`)
    }
    if (whole.kind === 'ocsf-file') return { ...whole, path: resolve(dirname(file), whole.path) }
    if (whole.kind === 'email' && whole.to.length === 0 && !whole.owners) {
      faults.push(`${one.id}: nobody is written to: set "to" or "owners"`)
    }
    return whole
  })
  if (faults.length > 0) throw refusal(file, faults)
  return { runbookUrl: parsed.data.runbookUrl, sinks }
}

function secretPath(one: Parsed): string | undefined {
  if (one.kind === 'webhook') return one.secretFile
  if (one.kind === 'slack') return one.urlFile
  if (one.kind === 'email') return one.passwordFile
  return one.kind === 'ocsf' ? one.authorizationFile : undefined
}

function parse(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    const why = error instanceof SyntaxError ? 'is not JSON' : `cannot be read (${codeOf(error)})`
    throw refusal(file, [why])
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unknown reason'

const refusal = (file: string, faults: readonly string[]): HubError =>
  new HubError('ERR_CONFIG', `ALERT_SINKS_FILE: ${file}:\n${faults.join('\n')}`)
