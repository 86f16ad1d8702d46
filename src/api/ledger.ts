import { z } from 'zod'
import { backPressureMs } from '../ledger/back-pressure.ts'
import type { LedgerReader } from '../ledger/reader.ts'
import { type Instant, iso } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { AUDITORS, READERS_AND_OWNERS } from './access.ts'
import { defineRoute, type Route } from './route.ts'

/** What auditors may read of the ledger: what a signed checkpoint covers, and nothing beyond. */
export type LedgerPort = Pick<
  LedgerReader,
  'checkpointText' | 'entry' | 'inclusionProof' | 'consistencyProof' | 'verifierKeys' | 'status'
>

const index = z.object({
  index: z
    .string()
    .regex(/^(0|[1-9]\d{0,14})$/, 'must be the number of an entry')
    .transform(Number),
})

const status = z.object({
  origin: z.string(),
  waiting: z
    .object({
      count: z.int(),
      since: z.iso.datetime().nullable(),
      slowed: z.boolean().meta({
        description:
          'Sealing does not keep up: workers ask for seals more slowly. Revoking goes on',
      }),
    })
    .meta({ description: 'Entries that are not sealed yet, and since when the oldest waits' }),
  sealed: z.object({ size: z.int(), at: z.iso.datetime().optional() }),
  signed: z
    .object({
      size: z.int(),
      at: z.iso.datetime(),
      root: z.string().meta({ description: 'Hex' }),
      witnesses: z.array(z.object({ name: z.string(), at: z.iso.datetime().nullable() })),
      quorum: z.boolean().nullable(),
    })
    .nullable(),
  lag: z.int().meta({ description: 'Entries that are sealed and not signed' }),
  stamped: z.object({ size: z.int(), at: z.iso.datetime() }).nullable(),
  signer: z
    .object({
      seen: z.iso.datetime(),
      refused: z.string().nullable().meta({ description: 'Why nothing is signed' }),
    })
    .nullable(),
  worm: z
    .object({
      size: z.int(),
      at: z.iso.datetime().nullable(),
      lag: z.int().meta({ description: 'Entries that are signed and not copied' }),
      trouble: z.string().nullable(),
    })
    .nullable()
    .meta({ description: 'The write-once copy' }),
})

/** 0 is never, too. */
const isoOrNull = (at: Instant | null): string | null => (at ? iso(at) : null)

/**
 * The ledger, for auditors. Its entries hold no personal data, and yet they tell of whoever knows the id of a case: where
 * else that person had access. Hashes and proofs are for more: each entry carries a signature of a key of the hub, so
 * that nobody finds an entry by guessing at its hash.
 */
export function ledgerRoutes({ ledger }: { ledger: LedgerPort }): Route[] {
  const missing = (): HubError => new HubError('ERR_NOT_FOUND', 'the ledger has no such entry')
  return [
    defineRoute({
      method: 'GET',
      path: '/ledger/status',
      summary: 'How far the ledger is sealed, signed and witnessed',
      allow: READERS_AND_OWNERS,
      answers: { 200: { description: 'Sizes and times', schema: status } },
      handle: async () => {
        const { origin, waiting, sealed, signed, lag, stamped, signer, worm } =
          await ledger.status()
        return {
          status: 200,
          json: {
            origin,
            waiting: {
              count: waiting.count,
              since: isoOrNull(waiting.since),
              slowed: backPressureMs(waiting.ageMs) > 0,
            },
            sealed: { size: sealed.size, ...(sealed.size === 0 ? {} : { at: iso(sealed.at) }) },
            signed: signed && {
              ...signed,
              at: iso(signed.at),
              witnesses: signed.witnesses.map(({ name, at }) => ({ name, at: isoOrNull(at) })),
            },
            lag,
            stamped: stamped && { size: stamped.size, at: iso(stamped.at) },
            signer: signer && { seen: iso(signer.seen), refused: signer.refused },
            worm: worm && { ...worm, at: isoOrNull(worm.at) },
          },
        }
      },
    }),

    defineRoute({
      method: 'GET',
      path: '/ledger/checkpoint',
      summary: 'The newest signed checkpoint',
      allow: READERS_AND_OWNERS,
      answers: {
        200: { description: 'A C2SP signed note', mediaType: 'text/plain; charset=utf-8' },
      },
      handle: async () => {
        const content = await ledger.checkpointText()
        if (content === null) {
          throw new HubError('ERR_NOT_FOUND', 'the ledger has no signed checkpoint yet')
        }
        return { status: 200, content }
      },
    }),

    defineRoute({
      method: 'GET',
      path: '/ledger/entries/{index}',
      summary: 'One entry',
      allow: AUDITORS,
      params: index,
      answers: {
        200: {
          description: 'The hashed bytes and what they say',
          schema: z.object({
            index: z.int(),
            leafHash: z.string(),
            leaf: z.string().meta({ description: 'base64 of the bytes that were hashed' }),
            content: z.unknown().meta({ description: 'The same bytes as JSON' }),
          }),
        },
      },
      handle: async ({ params }) => {
        const entry = await ledger.entry(params.index)
        if (entry === null) throw missing()
        return {
          status: 200,
          json: {
            index: entry.index,
            leafHash: entry.leafHash,
            leaf: entry.leaf.toString('base64'),
            content: JSON.parse(entry.leaf.toString('utf8')) as unknown,
          },
        }
      },
    }),

    defineRoute({
      method: 'GET',
      path: '/ledger/proofs/{index}',
      summary: 'Inclusion proof of one entry under the newest checkpoint',
      allow: READERS_AND_OWNERS,
      params: index,
      answers: {
        200: {
          description: 'RFC 9162 §2.1.3',
          schema: z.object({
            treeSize: z.int(),
            hashes: z.array(z.string()).meta({ description: 'Hex, from the leaf to the root' }),
            checkpoint: z.string(),
            tlogProof: z.string().meta({ description: 'All of it in one text: C2SP tlog-proof' }),
          }),
        },
      },
      handle: async ({ params }) => {
        const json = await ledger.inclusionProof(params.index)
        if (json === null) throw missing()
        return { status: 200, json }
      },
    }),

    defineRoute({
      method: 'GET',
      path: '/ledger/consistency/{index}',
      summary: 'Proof that the ledger of this size is a prefix of the newest checkpoint',
      allow: READERS_AND_OWNERS,
      params: index,
      answers: {
        200: {
          description: 'RFC 9162 §2.1.4, hashes in base64',
          schema: z.object({ checkpoint: z.string(), proof: z.array(z.string()) }),
        },
      },
      handle: async ({ params }) => {
        const json = await ledger.consistencyProof(params.index)
        if (json === null) throw new HubError('ERR_NOT_FOUND', 'the ledger is shorter')
        return { status: 200, json }
      },
    }),

    defineRoute({
      method: 'GET',
      path: '/ledger/keys',
      summary: 'The public keys of the ledger. Pin them once, over another channel',
      allow: READERS_AND_OWNERS,
      answers: {
        200: {
          description: 'C2SP verifier keys',
          schema: z.object({ log: z.array(z.string()), cosigner: z.array(z.string()) }),
        },
      },
      handle: async () => ({ status: 200, json: await ledger.verifierKeys() }),
    }),
  ]
}
