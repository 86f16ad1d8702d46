import type { mongo } from 'mongoose'
import { checkRestore, type Remembered, type RestoreVerdict } from '../ledger/restore-check.ts'
import type { StoredEntry } from '../ledger/store.ts'
import { EMPTY_ROOT } from '../ledger/tree.ts'
import { HubError } from '../shared/errors.ts'
import { type BackupHeader, readBackup } from './backup-file.ts'

/** What a whole backup holds, and whether its ledger is the one that was signed. */
export interface BackupCheck {
  header: BackupHeader
  /** Rows by collection, of those that have any. */
  collections: Record<string, number>
  /** Entries that waited for the ledger at that moment: they will be sealed after a restore. */
  waiting: number
  verdict: RestoreVerdict
}

interface LedgerFacts {
  size: number
  root: Buffer
  newest: { size: number; root: Buffer } | undefined
}

/**
 * Reads a backup to its end and computes its ledger again.
 *
 * @param remembered checkpoints from elsewhere, beside the newest one in the backup itself
 * @throws HubError ERR_INVALID_VALUE when the file is not whole
 */
export async function checkBackup(
  path: string,
  remembered: readonly Remembered[],
): Promise<BackupCheck> {
  let header: BackupHeader | undefined
  const collections: Record<string, number> = {}
  const ledger: LedgerFacts = { size: 0, root: EMPTY_ROOT, newest: undefined }
  for await (const { collection, row } of readBackup(path, {
    exact: false,
    onHeader: (found) => {
      header = found
    },
  })) {
    collections[collection] = (collections[collection] ?? 0) + 1
    if (collection === 'ledger_heads') {
      if (row['_id'] !== header?.ledgerOrigin) {
        throw new HubError('ERR_INVALID_VALUE', `${path} holds another log than its header names`)
      }
      ledger.size = Number(row['size'])
      ledger.root = bytesOf(row['root'])
    }
    if (collection === 'ledger_checkpoints') {
      const size = Number(row['_id'])
      if (size > (ledger.newest?.size ?? -1)) ledger.newest = { size, root: bytesOf(row['root']) }
    }
  }
  if (header === undefined) throw new HubError('ERR_INVALID_VALUE', `${path} is empty`)
  const own = ledger.newest && { by: 'the newest checkpoint in the backup', ...ledger.newest }
  const verdict = await checkRestore(ledgerIn(path, ledger), [
    ...(own === undefined ? [] : [own]),
    ...remembered,
  ])
  return { header, collections, waiting: collections['ledger_intake'] ?? 0, verdict }
}

/** Entries are asked for in their order, and once. */
function ledgerIn(path: string, { size, root }: LedgerFacts): Parameters<typeof checkRestore>[0] {
  const entries = readBackup(path, { exact: false, only: ['ledger_entries'] })
  let index = 0
  return {
    head: async () => ({ edge: { size, levels: [] }, root, at: 0 }),
    entries: async (from, to) => {
      const found: StoredEntry[] = []
      while (index < to) {
        const next = await entries.next()
        if (next.done === true || Number(next.value.row['_id']) !== index || from > index) {
          throw new HubError('ERR_LEDGER', `the backup has no entry ${index}`)
        }
        const { row } = next.value
        found.push({
          index,
          leaf: bytesOf(row['leaf']),
          eid: String(row['eid']),
          leafHash: bytesOf(row['leafHash']).toString('hex'),
        })
        index += 1
      }
      return found
    },
  }
}

const bytesOf = (value: unknown): Buffer => Buffer.from((value as mongo.Binary).buffer)
