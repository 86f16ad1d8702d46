import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { connect } from '../../src/storage/connection.ts'
import { startEmbeddedMongod } from '../../src/storage/embedded-mongod.ts'
import { createTransactor, sessionOf } from '../../src/storage/transaction.ts'
import { eventually } from '../support/eventually.ts'

/** The mapper would keep a transaction waiting for ten seconds, and then throw what nobody knows. */
const AT_ONCE_MS = 8_000

test('transaction, begun while storage is known to be away, is refused as that and does not queue', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'quittance-away-'))
  const mongod = await startEmbeddedMongod({ dataDir, cacheMiB: 256 })
  const connection = await connect(mongod.uri, 'away')
  try {
    await mongod.stop()
    await eventually('the primary is missed', async () => connection.readyState === 0, 15_000)
    const began = performance.now()
    const refused = createTransactor(connection).transaction((tx) =>
      connection.collection('rows').insertOne({}, sessionOf(tx)),
    )
    await expect(refused).rejects.toMatchObject({ code: 'ERR_STORAGE_UNAVAILABLE' })
    expect(performance.now() - began).toBeLessThan(AT_ONCE_MS)
  } finally {
    await connection.close()
    await rm(dataDir, { recursive: true, force: true })
  }
}, 60_000)
