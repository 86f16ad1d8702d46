import type { S3Client } from '@aws-sdk/client-s3'
import { type Clock, DAY } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import type { WormStore } from './worm.ts'

/** A bucket with Object Lock, at AWS or at anybody who speaks S3. */
export interface WormS3Settings {
  bucket: string
  region: string
  /** Base URL; absent: AWS. */
  endpoint?: string
  /** Before every name; empty, or ends with `/`. */
  prefix: string
  /** How long nobody, the owner of the account included, can delete what is written. */
  retentionDays: number
  /** Absent: as the AWS SDK finds them (environment, profile, role of the machine). */
  credentials?: { accessKeyId: string; secretAccessKey: string }
}

/**
 * A write-once copy in S3. Every object is written under Object Lock in COMPLIANCE mode, which no user can lift, and
 * only where its name is free. In a bucket with versions a name can still be covered by a newer version or by a delete
 * marker; so the oldest version is what counts, and nobody can take that away.
 *
 * @param options.clock for the date of retention
 * @throws HubError ERR_CONFIG from every call while the bucket has no Object Lock
 */
export function createWormS3(settings: WormS3Settings, options: { clock: Clock }): WormStore {
  const { bucket: Bucket, prefix, retentionDays } = settings
  let opened: ReturnType<typeof open> | undefined

  /** Asked once; after a failure, anew. */
  const ready = async (): ReturnType<typeof open> => {
    opened ??= open(settings)
    try {
      return await opened
    } catch (error) {
      opened = undefined
      throw error
    }
  }

  /** All versions under a prefix, each name's newest first; delete markers are not among them. */
  const versions = async (
    Prefix: string,
    Delimiter?: string,
  ): Promise<{ name: string; versionId: string }[]> => {
    const { sdk, client } = await ready()
    const found: { name: string; versionId: string }[] = []
    let next: { KeyMarker?: string; VersionIdMarker?: string } | undefined = {}
    while (next !== undefined) {
      const page: Awaited<ReturnType<typeof ask>> = await ask(next)
      for (const { Key = '', VersionId = 'null' } of page.Versions ?? []) {
        found.push({ name: Key.slice(prefix.length), versionId: VersionId })
      }
      const { IsTruncated, NextKeyMarker, NextVersionIdMarker } = page
      next =
        IsTruncated !== true || NextKeyMarker === undefined
          ? undefined
          : {
              KeyMarker: NextKeyMarker,
              ...(NextVersionIdMarker === undefined
                ? {}
                : { VersionIdMarker: NextVersionIdMarker }),
            }
    }
    return found

    function ask(from: NonNullable<typeof next>) {
      const input = { Bucket, Prefix, ...(Delimiter === undefined ? {} : { Delimiter }), ...from }
      return client.send(new sdk.ListObjectVersionsCommand(input))
    }
  }

  const get = async (name: string): Promise<Buffer | null> => {
    const { sdk, client } = await ready()
    const Key = `${prefix}${name}`
    const oldest = (await versions(Key)).filter((version) => version.name === name).at(-1)
    if (oldest === undefined) return null
    const { versionId: VersionId } = oldest
    const { Body } = await client.send(new sdk.GetObjectCommand({ Bucket, Key, VersionId }))
    if (Body === undefined) throw new RangeError(`${name} has no content`)
    return Buffer.from(await Body.transformToByteArray())
  }

  return {
    get,
    putIfAbsent: async (name, bytes) => {
      const { sdk, client } = await ready()
      // biome-ignore lint/style/noRestrictedGlobals: the clock says when; the SDK wants a Date
      const until = new Date(options.clock.now() + retentionDays * DAY)
      const put = new sdk.PutObjectCommand({
        Bucket,
        Key: `${prefix}${name}`,
        Body: bytes,
        IfNoneMatch: '*',
        ChecksumAlgorithm: 'SHA256',
        ObjectLockMode: 'COMPLIANCE',
        ObjectLockRetainUntilDate: until,
      })
      try {
        await client.send(put)
      } catch (error) {
        if (!isTaken(error)) throw error
        const there = await get(name)
        // Somebody else is writing it: what it will be is not known yet.
        if (there === null) throw error
        return there.equals(bytes) ? 'present' : 'other'
      }
      // A delete marker makes a name look free: what was there before still counts.
      return (await get(name))?.equals(bytes) === true ? 'stored' : 'other'
    },
    list: async (folder) => {
      const names = (await versions(`${prefix}${folder}/`, '/')).map(({ name }) => name)
      return [...new Set(names)].sort()
    },
  }
}

/** The SDK is loaded where it is used: it costs a second that most processes need not pay. */
async function open({ bucket, region, endpoint, credentials }: WormS3Settings): Promise<{
  sdk: typeof import('@aws-sdk/client-s3')
  client: S3Client
}> {
  const sdk = await import('@aws-sdk/client-s3')
  const client = new sdk.S3Client({
    region,
    // Others than AWS rarely have a host name per bucket.
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(credentials === undefined ? {} : { credentials }),
  })
  if (!(await hasObjectLock(client, sdk, bucket))) {
    throw new HubError(
      'ERR_CONFIG',
      `LEDGER_WORM_S3_BUCKET: ${bucket} has no Object Lock; what is written there could be deleted`,
    )
  }
  return { sdk, client }
}

async function hasObjectLock(
  client: S3Client,
  sdk: typeof import('@aws-sdk/client-s3'),
  Bucket: string,
): Promise<boolean> {
  try {
    const command = new sdk.GetObjectLockConfigurationCommand({ Bucket })
    const { ObjectLockConfiguration: lock } = await client.send(command)
    return lock?.ObjectLockEnabled === 'Enabled'
  } catch (error) {
    if ((error as Error).name === 'ObjectLockConfigurationNotFoundError') return false
    throw error
  }
}

/** 412 where the name is taken; 409 while somebody else is writing it. */
function isTaken(error: unknown): boolean {
  const { name } = error as Error
  return name === 'PreconditionFailed' || name === 'ConditionalRequestConflict'
}
