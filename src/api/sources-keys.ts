import { z } from 'zod'
import { isNetwork } from '../auth/address-list.ts'
import type { TokenRecord } from '../auth/source-authenticator.ts'
import type { SourceStore } from '../auth/source-store.ts'
import { newToken } from '../auth/tokens.ts'
import { type Clock, DAY, iso } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { newId } from '../shared/ids.ts'
import type { Act } from './acts.ts'
import type { CallActs } from './call-acts.ts'
import { instantField, instants, present } from './fields.ts'
import type { Answer } from './route.ts'

export interface SourceKeysParts {
  sources: Pick<SourceStore, 'addToken' | 'removeToken' | 'addIssuer'>
  /** Makes a deleted one refused at once in this process. */
  authenticator: { invalidate(sourceId: string): void }
  /** Base of the addresses, without a slash at its end. */
  publicUrl: string
  clock: Clock
}

/** A list of networks in CIDR. */
export const networksField = z
  .array(z.string().refine(isNetwork, 'must be a CIDR range such as 203.0.113.0/24'))
  .max(200)

/** How long a new one holds. */
export const expiryField = z
  .int()
  .min(1)
  .max(3_650)
  .optional()
  .meta({ description: 'Days until it expires; without it, it does not expire' })

/** A token or a client secret as people see it. */
export const secretAnswer = z.object({
  id: z.string(),
  prefix: z.string().meta({ description: 'First characters, to recognise it by' }),
  createdAt: instantField,
  expiresAt: instantField.optional(),
  lastUsedAt: instantField.optional(),
})

/** A token or a client secret, without what would let somebody in. */
export function showSecret(token: TokenRecord): z.infer<typeof secretAnswer> {
  return {
    id: token.id,
    prefix: token.prefix,
    createdAt: instants({ at: token.createdAt }).at ?? '',
    ...instants({ expiresAt: token.expiresAt, lastUsedAt: token.lastUsedAt }),
  }
}

/** The ledger's entry of a new credential. */
export function keyIssued(
  source: string,
  record: { id: string; expiresAt?: number },
  kind: 'token' | 'client-secret' | 'issuer',
): Act['entry'] {
  return {
    type: 'source.key_issued',
    source,
    key: record.id,
    kind,
    ...(record.expiresAt === undefined ? {} : { expires: iso(record.expiresAt) }),
  }
}

/** Where clients get access tokens. */
export const tokenUrlOf = (publicUrl: string, sourceId: string): string =>
  `${publicUrl}/oauth/${sourceId}/token`

/** It is not there. */
export const missing = (what: string): HubError =>
  new HubError('ERR_NOT_FOUND', `there is no such ${what}`)

/** Where a source keeps its keys, and what they are called in the ledger and to people. */
const KINDS = {
  tokens: { kind: 'token', word: 'token' },
  clientSecrets: { kind: 'client-secret', word: 'client secret' },
  issuers: { kind: 'issuer', word: 'issuer' },
} as const

/** Makes and ends what a source identifies itself by. */
export function sourceKeys({ sources, authenticator, clock }: SourceKeysParts) {
  return {
    /** A secret, which is shown once, and what is stored of it. */
    make: (
      prefix: 'scim' | 'client',
      expiresInDays: number | undefined,
    ): { token: string; record: TokenRecord } => {
      const { token, hash, prefix: shown } = newToken(prefix)
      const now = clock.now()
      const expiresAt = expiresInDays === undefined ? undefined : now + expiresInDays * DAY
      return {
        token,
        record: { id: newId(), hash, prefix: shown, createdAt: now, ...present({ expiresAt }) },
      }
    },
    /** @throws HubError ERR_NOT_FOUND when there is no such source */
    issue: async (
      sourceId: string,
      list: 'tokens' | 'clientSecrets',
      record: TokenRecord,
      acts: CallActs,
    ): Promise<void> => {
      await acts.in(async (tx, act) => {
        if (!(await sources.addToken(sourceId, record, list, tx))) throw missing('source')
        await act({ entry: keyIssued(sourceId, record, KINDS[list].kind) })
      })
    },
    /** @throws HubError ERR_NOT_FOUND when the source has no such key */
    revoke: async (
      sourceId: string,
      key: { list: keyof typeof KINDS; id: string },
      acts: CallActs,
    ): Promise<Answer> => {
      const { kind, word } = KINDS[key.list]
      await acts.in(async (tx, act) => {
        if (!(await sources.removeToken(sourceId, key.id, key.list, tx))) throw missing(word)
        await act({ entry: { type: 'source.key_revoked', source: sourceId, key: key.id, kind } })
      })
      authenticator.invalidate(sourceId)
      return { status: 204 }
    },
  }
}
