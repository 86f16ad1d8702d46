import type { Connection } from 'mongoose'
import { HubError } from '../shared/errors.ts'
import type { Vault } from '../vault/vault.ts'
import { translated } from './errors.ts'

/** Which master keys the data need. One row, `_id` is `master-key`. */
interface MasterKeyRow {
  _id: string
  /** Ids of all keys under which something may be wrapped. */
  inUse: string[]
}

const rowsOf = (connection: Connection) => connection.collection<MasterKeyRow>('meta')

/** Ids of the master keys that this database needs; none for a new one. */
export async function masterKeysInUse(connection: Connection): Promise<readonly string[]> {
  const row = await translated(() => rowsOf(connection).findOne({ _id: 'master-key' }))
  return row?.inUse ?? []
}

/**
 * Compares, at every start, the master keys of this process with those that the data need, and notes the one that it
 * wraps with.
 *
 * @throws HubError ERR_MASTER_KEY when the data need a key that is not here
 */
export async function checkMasterKey(connection: Connection, vault: Vault): Promise<void> {
  const inUse = await masterKeysInUse(connection)
  const missing = inUse.filter((id) => !vault.fingerprints.includes(id))
  if (missing.length > 0) {
    throw new HubError(
      'ERR_MASTER_KEY',
      `the data were sealed under master key ${missing.join(', ')}, here is ${vault.fingerprints.join(', ')}; ` +
        'start with the MASTER_KEY that belongs to this database. While keys change, the other one is MASTER_KEY_OTHER, ' +
        'until `quittance keys rewrap` has ended',
    )
  }
  // Before anything is wrapped: whoever starts later must know that this key is needed.
  await translated(() =>
    rowsOf(connection).updateOne(
      { _id: 'master-key' },
      { $addToSet: { inUse: vault.fingerprint } },
      { upsert: true },
    ),
  )
}

/** Notes that nothing is wrapped under the other keys any more. Only `rewrapAll` knows that. */
export async function releaseOtherKeys(connection: Connection, vault: Vault): Promise<void> {
  await translated(() =>
    rowsOf(connection).updateOne(
      { _id: 'master-key' },
      { $set: { inUse: [vault.fingerprint] } },
      { upsert: true },
    ),
  )
}
