import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { afterAll, describe, expect, test } from 'vitest'
import { fsck } from '../../src/ledger/fsck.ts'
import { parseVkey } from '../../src/ledger/note.ts'
import { recoverLog } from '../../src/ledger/recover.ts'
import { readerSource } from '../../src/ledger/tlog-source.ts'
import { wormSource } from '../../src/ledger/worm.ts'
import { createWormCopy } from '../../src/ledger/worm-copy.ts'
import { createWormS3 } from '../../src/ledger/worm-s3.ts'
import { DAY, systemClock } from '../../src/shared/clock.ts'
import { newId } from '../../src/shared/ids.ts'
import { prepareLedger } from '../../src/storage/ledger-store.ts'
import { freshDatabase } from '../support/database.ts'
import { ledgerOn, verifiedEntry } from '../support/ledger.ts'
import { startLockedBucket } from '../support/servers/locked-bucket.ts'

/** A real server may be named, such as MinIO or moto's; otherwise one that refuses what S3 refuses. */
const REAL = process.env['TEST_S3_ENDPOINT']
const credentials = { accessKeyId: 'test', secretAccessKey: 'test-secret' }
const bucket = `worm-${newId()}`
const fake = REAL === undefined ? await startLockedBucket(bucket) : undefined
const endpoint = REAL ?? fake?.endpoint ?? ''
const client = new S3Client({ endpoint, forcePathStyle: true, region: 'us-east-1', credentials })
if (fake === undefined) {
  await client.send(new CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: true }))
}
afterAll(() => fake?.stop())

const wormIn = (prefix: string) =>
  createWormS3(
    { bucket, region: 'us-east-1', endpoint, prefix, retentionDays: 30, credentials },
    { clock: systemClock },
  )
const bytes = (text: string) => Buffer.from(text)

describe('a write-once copy in S3', () => {
  test('a name, once given, keeps its bytes', async () => {
    const worm = wormIn('a/')
    expect(await worm.putIfAbsent('tile/0/000', bytes('a'))).toBe('stored')
    expect(await worm.putIfAbsent('tile/0/000', bytes('a'))).toBe('present')
    expect(await worm.putIfAbsent('tile/0/000', bytes('b'))).toBe('other')
    expect((await worm.get('tile/0/000'))?.toString()).toBe('a')
    expect(await worm.get('tile/0/001')).toBeNull()
    expect(await worm.get('tile/0')).toBeNull()
  })

  test('an object, locked by mode and date, cannot be deleted by its owner', async () => {
    const before = Date.now()
    await wormIn('b/').putIfAbsent('x', bytes('a'))
    const at = { Bucket: bucket, Key: 'b/x' }
    if (fake === undefined) {
      const head = await client.send(new HeadObjectCommand(at))
      expect(head.ObjectLockMode).toBe('COMPLIANCE')
      const until = head.ObjectLockRetainUntilDate?.getTime() ?? 0
      expect(Math.abs(until - before - 30 * DAY)).toBeLessThan(60_000)
    }
    const { Versions } = await client.send(
      new ListObjectVersionsCommand({ Bucket: bucket, Prefix: 'b/x' }),
    )
    const VersionId = Versions?.[0]?.VersionId
    await expect(client.send(new DeleteObjectCommand({ ...at, VersionId }))).rejects.toThrow()
    expect((await wormIn('b/').get('x'))?.toString()).toBe('a')
  })

  test('an object covered by a newer version and by a delete marker, is still what it was', async () => {
    const worm = wormIn('c/')
    await worm.putIfAbsent('checkpoint/1', bytes('a'))
    const at = { Bucket: bucket, Key: 'c/checkpoint/1' }
    await client.send(new PutObjectCommand({ ...at, Body: bytes('forged') }))
    expect((await worm.get('checkpoint/1'))?.toString()).toBe('a')
    await client.send(new DeleteObjectCommand(at))
    expect((await worm.get('checkpoint/1'))?.toString()).toBe('a')
    expect(await worm.list('checkpoint')).toEqual(['checkpoint/1'])
    expect(await worm.putIfAbsent('checkpoint/1', bytes('b'))).toBe('other')
  })

  test('two writers of one name, other bytes each, agree on one of them', async () => {
    const worm = wormIn('d/')
    const all = await Promise.all(['a', 'b', 'c'].map((text) => worm.putIfAbsent('x', bytes(text))))
    expect(all.filter((outcome) => outcome === 'stored')).toHaveLength(1)
  })

  test('a name that another writer is just writing, is an error and no contradiction', async () => {
    const server = createServer((request, response) => {
      request.resume()
      const isLock = request.url?.includes('object-lock') === true
      response.writeHead(request.method === 'PUT' ? 409 : 200, {
        'content-type': 'application/xml',
      })
      response.end(
        request.method === 'PUT'
          ? '<Error><Code>ConditionalRequestConflict</Code><Message>try again</Message></Error>'
          : isLock
            ? '<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>'
            : '<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>',
      )
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const worm = createWormS3(
      {
        bucket,
        region: 'us-east-1',
        endpoint: `http://127.0.0.1:${port}`,
        prefix: '',
        retentionDays: 1,
        credentials,
      },
      { clock: systemClock },
    )
    await expect(worm.putIfAbsent('x', bytes('a'))).rejects.toThrow('try again')
    server.closeAllConnections()
    server.close()
  })

  test('a folder of many names, is listed whole, without those of others', async () => {
    const worm = wormIn('e/')
    for (const name of ['f/1', 'f/2', 'f/3', 'f/4', 'f/5', 'f/g/6', 'fz/7']) {
      await worm.putIfAbsent(name, bytes(name))
    }
    expect(await worm.list('f')).toEqual(['f/1', 'f/2', 'f/3', 'f/4', 'f/5'])
    expect(await worm.list('nothing')).toEqual([])
  })

  test('a bucket without Object Lock, is refused before anything is written', async () => {
    const plain = `plain-${newId()}`
    const server = REAL === undefined ? await startLockedBucket(plain, { lock: false }) : undefined
    if (server === undefined) await client.send(new CreateBucketCommand({ Bucket: plain }))
    const worm = createWormS3(
      {
        bucket: plain,
        region: 'us-east-1',
        endpoint: server?.endpoint ?? endpoint,
        prefix: '',
        retentionDays: 1,
        credentials,
      },
      { clock: systemClock },
    )
    await expect(worm.putIfAbsent('x', bytes('a'))).rejects.toThrow('has no Object Lock')
    await expect(worm.get('x')).rejects.toThrow('has no Object Lock')
    expect(server?.asked.filter((line) => line.startsWith('PUT'))).toEqual(server && [])
    await server?.stop()
  })

  test('a server that is away, is an error and not an empty copy', async () => {
    const settings = { bucket, region: 'us-east-1', prefix: '', retentionDays: 1, credentials }
    const gone = await startLockedBucket(bucket)
    await gone.stop()
    const worm = createWormS3({ ...settings, endpoint: gone.endpoint }, { clock: systemClock })
    await expect(worm.list('checkpoint')).rejects.toThrow('ECONNREFUSED')
  })

  test('a log copied there, is verified and recovered from it', async () => {
    const db = await freshDatabase()
    const it = await ledgerOn(db.connection)
    const worm = wormIn('log/')
    const keys = [parseVkey(it.ledger.verifierKeys.log)!]
    const copy = createWormCopy({
      source: readerSource(it.reader),
      logKeys: async () => keys,
      worm,
      clock: systemClock,
    })
    await it.enqueue(Array.from({ length: 3 }, (_, i) => verifiedEntry(it.writer, `r${i}`)))
    await it.settle()
    expect(await copy.round()).toMatchObject({ size: 8, trouble: undefined })
    expect(await fsck(wormSource(worm, keys), keys)).toMatchObject({ size: 8, faults: [] })
    const { root } = await it.store.head()
    for (const { name } of await db.connection.listCollections()) {
      if (name.startsWith('ledger_')) await db.connection.dropCollection(name)
    }
    await prepareLedger(db.connection)
    const recovery = await recoverLog(
      wormSource(worm, keys),
      keys,
      it.store,
      async () => {},
      Date.now(),
    )
    expect(recovery).toMatchObject({ kind: 'recovered', from: 0, to: 8 })
    expect((await it.store.head()).root.equals(root)).toBe(true)
    await it.cleanUp()
    await db.dispose()
  })
})
