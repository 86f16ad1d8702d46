import type { AuditRecord, AuditStore } from '../auth/audit-store.ts'
import type { Principal } from '../auth/principal.ts'
import { ACT_ENTRIES } from '../ledger/act-entries.ts'
import { commit } from '../ledger/commitment.ts'
import type { EntryBody } from '../ledger/entries.ts'
import { entryId } from '../ledger/entry-id.ts'
import type { EntryWriter, LedgerIntake } from '../ledger/intake.ts'
import { canonicalJson } from '../shared/canonical-json.ts'
import { type Clock, iso } from '../shared/clock.ts'
import { newId } from '../shared/ids.ts'
import type { Json, JsonObject } from '../shared/json.ts'
import type { Transaction } from '../shared/transaction.ts'
import { decrypt, encrypt, type Vault } from '../vault/vault.ts'

type ActEntry = Extract<EntryBody, { act: string }>
type Envelope = 'v' | 'log' | 'at' | 'act' | 'by' | 'approval'
/** Fields that hold a commitment in most entries; then they are given in `said`. */
type Committed = 'reason' | 'after' | 'payload' | 'subject' | 'account' | 'artifact' | 'to'
type Draft<E> = E extends unknown
  ? Omit<E, Envelope | Committed> & Partial<Pick<E, Committed & keyof E>>
  : never

/** One thing that somebody did. */
export interface Act {
  /** The fields of its ledger entry, but for those that follow from the call and those in `said`. */
  entry: Draft<ActEntry>
  /** What the audit trail shows and, where its entry has a field for it, the ledger commits to. Never secrets. */
  said?: Readonly<Record<string, unknown>>
  /** A key that opens commitments of the entry: encrypted in the audit row beside the words, and never shown. */
  kept?: string
  approval?: string
}

/** Who acts. */
export interface Actor {
  principal: Pick<Principal, 'id' | 'person'> & { role: AuditRecord['role'] }
  requestId: string
}

/** The hub, when it acts by itself. */
export const HUB: Actor['principal'] = { id: 'hub', role: 'hub' }

export interface ActRecorder {
  /**
   * Writes an act to the audit trail and into the ledger's intake, in the transaction of the act itself.
   *
   * @returns the act's id
   */
  record(actor: Actor, act: Act, tx: Transaction): Promise<string>
  /** What was said in an act, opened. */
  said(record: AuditRecord): Said
}

/** The sealed half of an audit row, without what is kept. */
export interface Said {
  person?: string
  said: JsonObject
}

export function createActRecorder(deps: {
  audit: Pick<AuditStore, 'insert'>
  entries: EntryWriter
  ledger: LedgerIntake
  vault: Pick<Vault, 'newKey' | 'unwrap'>
  clock: Clock
}): ActRecorder {
  return {
    record: async ({ principal, requestId }, { entry, said = {}, kept, approval }, tx) => {
      const id = newId()
      const at = deps.clock.now()
      const { key, wrapped } = deps.vault.newKey(context(id))
      const words = Object.entries(plain(said))
      const eid = entryId(entry.type, id)
      const common = { at: iso(at), act: id, by: principal.id, log: deps.entries.origin, v: 1 }
      const body = {
        ...entry,
        ...common,
        ...(approval === undefined ? {} : { approval }),
        ...Object.fromEntries(
          words
            .filter(([name]) => FIELDS.get(entry.type)?.has(name))
            .map(([name, value]) => [name, commit(key, eid, name, bytesOf(value))]),
        ),
      } as EntryBody
      const pending = deps.entries.write(body)
      const { type: _, ...facts } = entry
      const sealed: Said & Pick<Act, 'kept'> = {
        ...(principal.person === undefined ? {} : { person: principal.person }),
        said: Object.fromEntries(words),
        ...(kept === undefined ? {} : { kept }),
      }
      await deps.audit.insert(
        [
          {
            id,
            at,
            type: entry.type,
            by: principal.id,
            role: principal.role,
            requestId,
            ...(approval === undefined ? {} : { approval }),
            about: aboutOf({ ...facts, approval }),
            facts: plain(facts),
            wrapped,
            sealed: encrypt(key, Buffer.from(JSON.stringify(sealed)), context(id)),
          },
        ],
        tx,
      )
      await deps.ledger.enqueue([pending], tx)
      return id
    },

    said: ({ id, wrapped, sealed }) => {
      const opened = decrypt(deps.vault.unwrap(wrapped, context(id)), sealed, context(id))
      const { person, said } = JSON.parse(opened.toString('utf8')) as Said
      return { ...(person === undefined ? {} : { person }), said }
    },
  }
}

/** Words for which an entry has no place are kept in the audit trail alone. */
const FIELDS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  ACT_ENTRIES.map((schema) => [schema.shape.type.value, new Set(Object.keys(schema.shape))]),
)

const context = (id: string): string => `act:${id}`

/** As JSON keeps it: what is undefined is not there. */
const plain = (value: object): JsonObject => JSON.parse(JSON.stringify(value)) as JsonObject

/** `silentAfterMinutes` → `silent_after_minutes`: names in the ledger are lower case. */
export const wordOf = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const bytesOf = (value: Json): Buffer =>
  Buffer.from(typeof value === 'string' ? value : canonicalJson(value))

const ID_FIELDS = [
  'about',
  'app',
  'approval',
  'exemption',
  'hold',
  'key',
  'offboarding',
  'principal',
  'revocation',
  'source',
  'storm',
  'token',
] as const

function aboutOf(fields: object): string[] {
  const values = fields as Readonly<Record<string, unknown>>
  return ID_FIELDS.flatMap((name) => {
    const value = values[name]
    return typeof value === 'string' ? [value] : []
  })
}
