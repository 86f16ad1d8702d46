import { z } from 'zod'
import { ConnectorError, type Evidence, type Subject } from '#connector-sdk'
import type { ProgramEnd } from './program.ts'

/** The lines that go to a program and come back. Nothing here runs anything. */

/** What a program may be asked to do. */
export type Order =
  | { op: 'test' }
  | { op: 'find'; subject: Pick<Subject, 'userName' | 'externalId' | 'emails' | 'displayName'> }
  | { op: 'list'; cursor?: string }
  | { op: 'revoke' | 'observe'; facet: string; id: string }
  | { op: 'restore'; facet: string; id: string; undo: { [key: string]: unknown } }

export function isRead({ op }: Order): boolean {
  return op !== 'revoke' && op !== 'restore'
}

/** One line of JSON: the order with all that the program needs. Secrets go this way and no other. */
export function requestLine(
  order: Order,
  rest: {
    settings: unknown
    secrets: Readonly<Record<string, string>>
    credential: string
    idempotencyKey: string
    dryRun: boolean
  },
): string {
  return `${JSON.stringify({ ...order, ...rest })}\n`
}

const failure = z.object({
  fault: z.enum([
    'throttled',
    'transient',
    'credential',
    'forbidden',
    'invalid',
    'conflict',
    'ambiguous',
    'protected',
    'unsupported',
    'gone',
    'bug',
  ]),
  message: z.string().default(''),
  effect: z.enum(['none', 'partial', 'unknown']).optional(),
  retryAfterMs: z.int().min(0).optional(),
})
const account = z.object({
  id: z.string().min(1),
  userName: z.string().optional(),
  externalId: z.string().optional(),
  emails: z.array(z.string()).optional(),
  state: z.enum(['live', 'dead', 'unknown']).optional(),
  protectedBecause: z.string().optional(),
})

/** Answers by operation. */
export const answers = {
  test: z.object({
    checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() })),
  }),
  find: z.object({ accounts: z.array(account) }),
  list: z.object({
    accounts: z.array(account),
    next: z.string().min(1).optional(),
    complete: z.boolean().default(true),
  }),
  observe: z.object({ state: z.enum(['live', 'dead', 'absent', 'unknown']) }),
  revoke: z.object({
    result: z.enum(['done', 'accepted', 'already']),
    undo: z.record(z.string(), z.unknown()).optional(),
  }),
}

export type Account = z.output<typeof account>

/** Exit codes of sysexits.h that say more than "failed". */
const FAULT_OF_EXIT = new Map([
  [75, 'transient'],
  [77, 'credential'],
  [78, 'invalid'],
  [69, 'transient'],
] as const)

/**
 * The answer in the last line of what a program said.
 *
 * @throws ConnectorError as the program says it, or by its exit code; what cannot be understood is a bug of the program
 */
export function answerOf<T>(
  schema: z.ZodType<T>,
  end: ProgramEnd,
  { order, evidence }: { order: Order; evidence: Evidence },
): T {
  const effect = isRead(order) ? 'none' : 'unknown'
  if (end.killedFor === 'output') {
    throw new ConnectorError('bug', 'the program said too much', { effect, evidence })
  }
  if (end.killedFor !== undefined) {
    const why = end.killedFor === 'timeout' ? 'took too long' : 'was stopped by the hub'
    throw new ConnectorError('transient', `the program ${why}`, { effect, evidence })
  }
  const line = parse(end.stdout.trimEnd().split('\n').at(-1) ?? '')
  const failed = failure.safeParse(line)
  if (failed.success) {
    const { fault, message, retryAfterMs } = failed.data
    throw new ConnectorError(fault, `the program says: ${message.slice(0, 300)}`, {
      effect: isRead(order) ? 'none' : (failed.data.effect ?? 'unknown'),
      evidence,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    })
  }
  if (end.code !== 0) {
    const fault = FAULT_OF_EXIT.get(end.code as 75) ?? 'bug'
    throw new ConnectorError(fault, `the program ended with ${end.code}`, { effect, evidence })
  }
  const parsed = schema.safeParse(line)
  if (parsed.success) return parsed.data
  throw new ConnectorError('bug', `the program answered ${order.op} with something else`, {
    effect,
    evidence,
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // No schema accepts it: the caller reports what was said.
    return undefined
  }
}
