import type { z } from 'zod'
import {
  type Ack,
  anyFacet,
  type CallContext,
  ConnectorError,
  check,
  compareKeys,
  defineConnector,
  type Evidence,
  type Facet,
  facetSpecs,
  type Handle,
  type Match,
  type Observation,
  preview,
} from '#connector-sdk'
import { type Account, answerOf, answers, type Order, requestLine } from './api.ts'
import { type ExecConfig, execConfig } from './config.ts'
import { programEvidence, programPath, runProgram } from './program.ts'

type Call = CallContext<ExecConfig>

const byProgram = { enumerate: 'partial', revoke: 'api' } as const

/** Anything that a program of the operator can reach: one line of JSON in, one out. */
export default defineConnector<ExecConfig>({
  manifest: {
    id: 'exec',
    version: '1.0.0',
    title: 'Program',
    configSchema: execConfig,
    secrets: {
      secret: { title: 'Credential handed to the program', required: false },
      witnessSecret: { title: 'Credential for reading back', required: false },
    },
    facets: anyFacet({ ...byProgram, observe: 'strong' }),
    limits: { concurrency: 2, timeoutMs: 30_000 },
    quarantineMs: 120_000,
    absenceIs: 'suspect',
  },

  facetsOf: ({ facets }) => facetSpecs(facets, byProgram),

  test: async (call) => [
    await check('program', async () => {
      await programPath(call.programDirectory, call.config.command)
      return 'the program is there and nobody else may change it'
    }),
    ...(await ask({ op: 'test' }, answers.test, call)).answer.checks,
  ],

  correlate: async (subject, call) => {
    const { userName, externalId, emails, displayName } = subject
    const asked = {
      userName,
      emails,
      ...(externalId === undefined ? {} : { externalId }),
      ...(displayName === undefined ? {} : { displayName }),
    }
    const { answer, evidence } = await ask({ op: 'find', subject: asked }, answers.find, call)
    return answer.accounts.flatMap((found): Match[] => {
      const hit = compareKeys(subject, keysOf(found), call.config.correlateBy)
      if (hit === undefined) return []
      const { id, protectedBecause } = found
      const handle: Handle = { facet: 'account', id }
      return [
        {
          handle,
          ...hit,
          ...(protectedBecause === undefined ? {} : { protectedBecause }),
          evidence,
        },
      ]
    })
  },

  list: async (facet, of, cursor, call) => {
    if (facet !== 'account') throw new ConnectorError('unsupported', `no listing of ${facet}`)
    const order: Order =
      of === 'everyone'
        ? { op: 'list', ...(cursor === undefined ? {} : { cursor }) }
        : { op: 'find', subject: { userName: of.userName, emails: of.emails } }
    const { answer, evidence } = await ask(order, answers.list, call)
    const { next, complete } = answer
    const accounts = answer.accounts.filter(
      (one) => of === 'everyone' || compareKeys(of, keysOf(one), call.config.correlateBy),
    )
    return {
      items: accounts.map((one): Observation => {
        const handle: Handle = { facet: 'account', id: one.id }
        return {
          handle,
          state: one.state ?? 'unknown',
          at: evidence.at,
          evidence,
          keys: keysOf(one),
        }
      }),
      ...(next === undefined ? {} : { next }),
      complete,
    }
  },

  revoke: (handle, call) =>
    order({ op: 'revoke', facet: covered(handle.facet, call), id: handle.id }, call),

  restore: async (handle, undo, call) =>
    order({ op: 'restore', facet: covered(handle.facet, call), id: handle.id, undo }, call),

  observe: async (handle, call) => {
    const question: Order = { op: 'observe', facet: covered(handle.facet, call), id: handle.id }
    const { answer, evidence } = await ask(question, answers.observe, call)
    return { handle, state: answer.state, at: evidence.at, evidence }
  },
})

async function order(asked: Order, call: Call): Promise<Ack> {
  if (call.dryRun) {
    const target = `${call.config.command} ${asked.op}`
    return preview(call, { method: 'EXEC', target, body: JSON.stringify(asked) })
  }
  const { answer, evidence } = await ask(asked, answers.revoke, call)
  const { result, undo } = answer
  return { kind: result, evidence, ...(undo === undefined ? {} : { undo }) }
}

async function ask<T>(
  asked: Order,
  schema: z.ZodType<T>,
  call: Call,
): Promise<{ answer: T; evidence: Evidence }> {
  const { command, settings, timeoutSeconds } = call.config
  const path = await programPath(call.programDirectory, command)
  const { secrets, credential, idempotencyKey, dryRun, signal } = call
  const input = requestLine(asked, { settings, secrets, credential, idempotencyKey, dryRun })
  const end = await runProgram({ path, input, timeoutMs: timeoutSeconds * 1_000, signal })
  const evidence = programEvidence(command, asked.op, end, call.now())
  return { answer: answerOf(schema, end, { order: asked, evidence }), evidence }
}

function covered(facet: Facet, { config }: Call): Facet {
  if (config.facets.some((one) => one.facet === facet)) return facet
  throw new ConnectorError('unsupported', `this program does not handle ${facet}`)
}

function keysOf({ userName, externalId, emails }: Account): NonNullable<Observation['keys']> {
  return {
    ...(userName === undefined ? {} : { userName }),
    ...(externalId === undefined ? {} : { externalId }),
    ...(emails === undefined ? {} : { emails }),
  }
}
