import { z } from 'zod'
import { HubError } from '../shared/errors.ts'
import { defineRoute, type Route } from './route.ts'

/** What auditors may read of the ledger. `null` means "looked, and it is not there". */
export interface LedgerPort {
  /** The newest signed checkpoint as a C2SP signed note; null before the first. */
  checkpointText(): Promise<string | null>
  entry(index: number): Promise<{
    index: number
    /** Hex SHA-256, RFC 9162 §2.1.1. */
    leafHash: string
    /** The canonical bytes that were hashed. */
    leaf: Buffer
  } | null>
  /** Inclusion of an entry under the newest checkpoint; null while no checkpoint covers it. */
  inclusionProof(index: number): Promise<{
    treeSize: number
    /** Hex, 32 bytes each, from leaf to root. */
    hashes: readonly string[]
    checkpoint: string
  } | null>
}

const index = z.object({
  index: z
    .string()
    .regex(/^(0|[1-9]\d{0,14})$/, 'must be the number of an entry')
    .transform(Number),
})

/** The ledger, for auditors. Its entries hold no personal data. */
export function ledgerRoutes({ ledger }: { ledger: LedgerPort }): Route[] {
  const missing = (): HubError => new HubError('ERR_NOT_FOUND', 'the ledger has no such entry')
  return [
    defineRoute({
      method: 'GET',
      path: '/ledger/checkpoint',
      summary: 'The newest signed checkpoint',
      allow: ['admin', 'auditor', 'owner'],
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
      allow: ['admin', 'auditor', 'owner'],
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
      allow: ['admin', 'auditor', 'owner'],
      params: index,
      answers: {
        200: {
          description: 'RFC 9162 §2.1.3',
          schema: z.object({
            index: z.int(),
            leafHash: z.string(),
            treeSize: z.int(),
            hashes: z.array(z.string()),
            checkpoint: z.string(),
          }),
        },
      },
      handle: async ({ params }) => {
        const entry = await ledger.entry(params.index)
        if (entry === null) throw missing()
        const proof = await ledger.inclusionProof(params.index)
        if (proof === null) {
          throw new HubError(
            'ERR_CONFLICT',
            'no signed checkpoint covers the entry yet; try again in a second',
          )
        }
        const { treeSize, hashes, checkpoint } = proof
        return {
          status: 200,
          json: {
            index: entry.index,
            leafHash: entry.leafHash,
            treeSize,
            hashes: [...hashes],
            checkpoint,
          },
        }
      },
    }),
  ]
}
