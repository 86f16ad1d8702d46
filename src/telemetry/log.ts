import { type DestinationStream, type Logger, pino } from 'pino'
import { describeError, scrub } from './scrub.ts'

/**
 * The hub's log: JSON lines. Fields come from one list: `requestId, sourceId, appId, offboardingId,
 * revocationId, connectorId, tokenId, method, path, status, durationMs, attempt, fault, code`.
 * `error` means that a person must act; a retry is `info`. No tokens, no bodies, no personal data.
 */
export type Log = Logger

/** Keys whose values never belong in a log, wherever a careless call puts them. */
const SECRET_KEYS = [
  'authorization',
  'cookie',
  'set-cookie',
  'token',
  'secret',
  'secrets',
  'password',
  'masterKey',
  'adminToken',
  'metricsToken',
  'mongodbUri',
  'privateKey',
]
const PERSONAL_KEYS = ['userName', 'email', 'emails', 'displayName', 'subject', 'externalId']

const paths = [...SECRET_KEYS, ...PERSONAL_KEYS].flatMap((key) => [
  `["${key}"]`,
  `*["${key}"]`,
  `*.*["${key}"]`,
])

/**
 * @param options.level `silent` writes nothing
 * @param destination where lines go; standard output when absent
 */
export function createLog(options: { level: string }, destination?: DestinationStream): Log {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths, censor: '[redacted]' },
      serializers: { err: describeError, error: describeError },
      hooks: {
        // Errors and tokens also travel inside messages.
        logMethod(args, method) {
          const [first, ...more] = args as [unknown, ...unknown[]]
          if (first instanceof Error && more.length === 0) {
            method.apply(this, [{ err: first }, scrub(first.message)])
            return
          }
          method.apply(
            this,
            args.map((arg) => (typeof arg === 'string' ? scrub(arg) : arg)) as typeof args,
          )
        },
      },
    },
    destination ?? pino.destination(1),
  )
}
