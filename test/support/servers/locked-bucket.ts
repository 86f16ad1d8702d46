import { hash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

interface Version {
  id: string
  /** Absent: a delete marker. */
  body?: Buffer
  until: number
}

/**
 * One bucket with versions and Object Lock, as the API reference of Amazon S3 describes it, and no more of S3 than a
 * write-once copy uses. It refuses what S3 refuses: a write without a checksum, a free name that is taken, a locked
 * version that is to be deleted, a retention in the past.
 *
 * @param options.lock false: a bucket as most are
 */
export async function startLockedBucket(name: string, { lock = true } = {}) {
  const objects = new Map<string, Version[]>()
  const asked: string[] = []
  const xml = (root: string, inner: string): string =>
    `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</${root}>`
  const fail = (status: number, code: string) => ({
    status,
    body: `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${code}</Message></Error>`,
  })
  const newest = (key: string): Version | undefined => objects.get(key)?.at(-1)

  const put = (key: string, headers: Record<string, string>, body: Buffer) => {
    const header = (suffix: string): string | undefined => headers[`x-amz-${suffix}`]
    const until = Date.parse(header('object-lock-retain-until-date') ?? '')
    if (header('object-lock-mode') !== undefined) {
      if (header('checksum-sha256') === undefined) return fail(400, 'InvalidRequest')
      if (!lock) return fail(400, 'InvalidRequest')
      if (!(until > Date.now())) return fail(400, 'InvalidArgument')
    }
    const checksum = header('checksum-sha256')
    if (checksum !== undefined && checksum !== hash('sha256', body, 'base64')) {
      return fail(400, 'BadDigest')
    }
    if (headers['if-none-match'] === '*' && newest(key)?.body !== undefined) {
      return fail(412, 'PreconditionFailed')
    }
    const mode = header('object-lock-mode')
    const locked = mode === 'COMPLIANCE' ? until : 0
    const before = objects.get(key) ?? []
    objects.set(key, [...before, { id: `v${before.length + 1}`, body, until: locked }])
    return { status: 200, body: '' }
  }

  const remove = (key: string, versionId: string | null) => {
    const versions = objects.get(key) ?? []
    if (versionId === null) {
      objects.set(key, [...versions, { id: `d${versions.length + 1}`, until: 0 }])
      return { status: 204, body: '' }
    }
    const found = versions.find(({ id }) => id === versionId)
    if (found !== undefined && found.until > Date.now()) return fail(403, 'AccessDenied')
    objects.set(
      key,
      versions.filter((version) => version !== found),
    )
    return { status: 204, body: '' }
  }

  /** Two names a page: whoever asks has to ask again. */
  const list = (query: URLSearchParams) => {
    const prefix = query.get('prefix') ?? ''
    const delimiter = query.get('delimiter')
    const keys = [...objects.keys()]
      .filter((key) => key.startsWith(prefix) && key > (query.get('key-marker') ?? ''))
      .filter((key) => delimiter === null || !key.slice(prefix.length).includes(delimiter))
      .sort()
    const page = keys.slice(0, 2)
    const rows = page.flatMap((key) =>
      [...(objects.get(key) ?? [])]
        .reverse()
        .map(({ id, body }) =>
          body === undefined
            ? `<DeleteMarker><Key>${key}</Key><VersionId>${id}</VersionId></DeleteMarker>`
            : `<Version><Key>${key}</Key><VersionId>${id}</VersionId></Version>`,
        ),
    )
    const more = keys.length > page.length
    const marker = more ? `<NextKeyMarker>${page.at(-1)}</NextKeyMarker>` : ''
    return {
      status: 200,
      body: xml(
        'ListVersionsResult',
        `<IsTruncated>${more}</IsTruncated>${marker}${rows.join('')}`,
      ),
    }
  }

  const server = createServer(async (request, response) => {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://s3')
    const key = decodeURIComponent(pathname.slice(name.length + 2))
    const body = await buffer(request)
    asked.push(`${request.method} ${key}`)
    const answer = (): { status: number; body: string | Buffer } => {
      if (!request.headers.authorization?.startsWith('AWS4-HMAC-SHA256 ')) {
        return fail(403, 'AccessDenied')
      }
      if (pathname.split('/')[1] !== name) return fail(404, 'NoSuchBucket')
      if (query.has('object-lock')) {
        return lock
          ? {
              status: 200,
              body: xml(
                'ObjectLockConfiguration',
                '<ObjectLockEnabled>Enabled</ObjectLockEnabled>',
              ),
            }
          : fail(404, 'ObjectLockConfigurationNotFoundError')
      }
      if (query.has('versions')) return list(query)
      const versionId = query.get('versionId')
      switch (request.method) {
        case 'PUT':
          return put(key, request.headers as Record<string, string>, body)
        case 'DELETE':
          return remove(key, versionId)
        case 'GET': {
          const versions = objects.get(key) ?? []
          const found =
            versionId === null ? versions.at(-1) : versions.find(({ id }) => id === versionId)
          return found?.body === undefined
            ? fail(404, 'NoSuchKey')
            : { status: 200, body: found.body }
        }
        default:
          return fail(405, 'MethodNotAllowed')
      }
    }
    const { status, body: text } = answer()
    response.writeHead(status, { 'content-length': Buffer.byteLength(text) }).end(text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** `METHOD key` of each request. */
    asked,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
