import { hash, randomBytes, verify, X509Certificate } from 'node:crypto'
import { type DerNode, der, expectTag, oid, readDer, readOne, TAG } from './der.ts'
import type { Fetch } from './witness.ts'

/**
 * Time stamps of RFC 3161: an authority states that it was shown a hash at this time. It sees the hash of a
 * checkpoint's text and nothing else.
 */
const OID = {
  sha256: oid('2.16.840.1.101.3.4.2.1'),
  sha384: oid('2.16.840.1.101.3.4.2.2'),
  sha512: oid('2.16.840.1.101.3.4.2.3'),
  signedData: oid('1.2.840.113549.1.7.2'),
  tstInfo: oid('1.2.840.113549.1.9.16.1.4'),
  contentType: oid('1.2.840.113549.1.9.3'),
  messageDigest: oid('1.2.840.113549.1.9.4'),
} as const
const TIME_STAMPING = '1.3.6.1.5.5.7.3.8'

export interface TimeStampRequest {
  /** What is posted, as `application/timestamp-query`. */
  query: Buffer
  nonce: Buffer
}

/** Asks for a stamp of these bytes, with a nonce and the authority's certificate. RFC 3161 §2.4.1. */
export function timeStampRequest(bytes: Uint8Array): TimeStampRequest {
  // Positive and without leading zeros, so that it has one DER spelling.
  const nonce = randomBytes(9)
  nonce[0] = ((nonce[0] as number) & 0x3f) | 0x40
  const imprint = der(
    TAG.sequence,
    der(TAG.sequence, OID.sha256, der(TAG.null)),
    der(TAG.octets, sha256(bytes)),
  )
  const query = der(
    TAG.sequence,
    der(TAG.integer, Buffer.from([1])),
    imprint,
    der(TAG.integer, nonce),
    der(TAG.boolean, Buffer.from([0xff])),
  )
  return { query, nonce }
}

export type ReadToken = { kind: 'token'; token: Buffer } | { kind: 'refused'; reason: string }

/** Takes the token out of an answer. Nothing is believed yet: see `verifyTimeStamp`. RFC 3161 §2.4.2. */
export function tokenOf(answer: Buffer): ReadToken {
  return guarded(() => {
    const [status, token] = readDer(readOne(answer, TAG.sequence).content)
    const [code] = readDer(expectTag(status, TAG.sequence).content)
    const granted = expectTag(code, TAG.integer).content
    // 0 granted, 1 granted with modifications.
    if (granted.length !== 1 || (granted[0] as number) > 1 || token === undefined) {
      return { kind: 'refused', reason: `the authority answered status ${granted.toString('hex')}` }
    }
    return { kind: 'token', token: token.whole }
  })
}

export type TimeStamp =
  | { kind: 'stamped'; at: number; by: string }
  | { kind: 'refused'; reason: string }

/**
 * Was this shown to an authority that the caller believes, and when? Certificates are judged at the time of the
 * stamp, not of the reader: a stamp does not grow old with its certificate.
 *
 * @param trusted certificates of authorities, or of those who issued them; PEM or DER
 * @param nonce that of the request, when this is its answer
 */
export function verifyTimeStamp(
  token: Buffer,
  bytes: Uint8Array,
  trusted: readonly X509Certificate[],
  nonce?: Buffer,
): TimeStamp {
  return guarded(() => verifyToken(token, bytes, trusted, nonce))
}

function verifyToken(
  token: Buffer,
  bytes: Uint8Array,
  trusted: readonly X509Certificate[],
  nonce: Buffer | undefined,
): TimeStamp {
  const refused = (reason: string): TimeStamp => ({ kind: 'refused', reason })
  const [type, wrapped] = readDer(readOne(token, TAG.sequence).content)
  if (type?.whole.equals(OID.signedData) !== true) return refused('it is no signed data')
  const data = readDer(readOne(expectTag(wrapped, 0xa0).content, TAG.sequence).content)
  const [contentType, explicit] = readDer(expectTag(data[2], TAG.sequence).content)
  if (contentType?.whole.equals(OID.tstInfo) !== true) return refused('it is no time stamp')
  const info = readOne(expectTag(explicit, 0xa0).content, TAG.octets).content
  const stamp = readInfo(info)
  if (!stamp.imprint.equals(sha256(bytes))) return refused('it is about something else')
  if (nonce !== undefined && stamp.nonce?.equals(nonce) !== true) {
    return refused('it answers another request')
  }

  const certificates = data
    .filter(({ tag }) => tag === 0xa0)
    .flatMap(({ content }) => readDer(content))
    .map(({ whole }) => new X509Certificate(whole))
  const [signer] = readDer(expectTag(data.at(-1), TAG.set).content)
  const fields = readDer(expectTag(signer, TAG.sequence).content)
  const attributes = fields.find(({ tag }) => tag === 0xa0)
  const signature = fields.find(({ tag }) => tag === TAG.octets)
  const digest = digestOf(expectTag(fields[2], TAG.sequence))
  if (attributes === undefined || signature === undefined || digest === undefined) {
    return refused('it is not signed in a known way')
  }
  const said = signedAttributes(attributes)
  if (!said.contentType.equals(OID.tstInfo)) return refused('the signature is about something else')
  if (!said.messageDigest.equals(hash(digest, info, 'buffer'))) return refused('it was changed')
  // RFC 5652 §5.4: signed as a SET, although it is carried as [0].
  const signed = der(TAG.set, attributes.content)
  const by = [...certificates, ...trusted].find((certificate) =>
    verify(digest, signed, certificate.publicKey, signature.content),
  )
  if (by === undefined) return refused('the signature is wrong')
  const fault = certificateFault(by, trusted, stamp.at)
  return fault === undefined ? { kind: 'stamped', at: stamp.at, by: by.subject } : refused(fault)
}

/** TSTInfo: version, policy, imprint, serial, genTime, and options. RFC 3161 §2.4.2. */
function readInfo(info: Buffer): { imprint: Buffer; at: number; nonce: Buffer | undefined } {
  const fields = readDer(readOne(info, TAG.sequence).content)
  const [algorithm, hashed] = readDer(expectTag(fields[2], TAG.sequence).content)
  const [name] = readDer(expectTag(algorithm, TAG.sequence).content)
  if (name?.whole.equals(OID.sha256) !== true) throw new RangeError('another hash')
  const time = expectTag(fields[4], TAG.time).content.toString('latin1')
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d+)?Z$/.exec(time)
  const [, year, month, day, hour, minute, second, fraction = ''] = match ?? []
  const at = parsedTime(
    `${year}-${month}-${day}T${hour}:${minute}:${second}${fraction.slice(0, 4)}Z`,
  )
  if (Number.isNaN(at)) throw new RangeError('no time')
  const nonce = fields.slice(5).find(({ tag }) => tag === TAG.integer)?.content
  return { imprint: expectTag(hashed, TAG.octets).content, at, nonce }
}

function signedAttributes(attributes: DerNode): { contentType: Buffer; messageDigest: Buffer } {
  const value = (name: Buffer): DerNode => {
    const found = readDer(attributes.content)
      .map(({ content }) => readDer(content))
      .filter(([type]) => type?.whole.equals(name))
    const [one, ...others] = found
    const values = readDer(expectTag(one?.[1], TAG.set).content)
    if (others.length > 0 || values.length !== 1) throw new RangeError('an attribute is repeated')
    return values[0] as DerNode
  }
  return {
    contentType: value(OID.contentType).whole,
    messageDigest: expectTag(value(OID.messageDigest), TAG.octets).content,
  }
}

function digestOf(algorithm: DerNode): 'sha256' | 'sha384' | 'sha512' | undefined {
  const [name] = readDer(algorithm.content)
  return (['sha256', 'sha384', 'sha512'] as const).find((digest) => name?.whole.equals(OID[digest]))
}

/** Was this certificate good for stamping at that time, under one that the caller believes? */
function certificateFault(
  by: X509Certificate,
  trusted: readonly X509Certificate[],
  at: number,
): string | undefined {
  if (!by.keyUsage?.includes(TIME_STAMPING)) return 'the certificate is not for time stamps'
  if (!validAt(by, at)) return 'the certificate was not valid at that time'
  const anchored = trusted.some(
    (anchor) =>
      anchor.raw.equals(by.raw) ||
      (anchor.ca && validAt(anchor, at) && by.checkIssued(anchor) && by.verify(anchor.publicKey)),
  )
  return anchored ? undefined : 'no authority that you trust has signed it'
}

function validAt({ validFrom, validTo }: X509Certificate, at: number): boolean {
  return parsedTime(validFrom) <= at && at <= parsedTime(validTo)
}

function parsedTime(text: string): number {
  // biome-ignore lint/style/noRestrictedGlobals: reads a written time, not the clock
  return Date.parse(text)
}

const sha256 = (bytes: Uint8Array): Buffer => hash('sha256', bytes, 'buffer')

/** Whatever the readers stumble over is the fault of the bytes: there is no other input. */
function guarded<T>(read: () => T): T | { kind: 'refused'; reason: string } {
  try {
    return read()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { kind: 'refused', reason: `it cannot be read: ${reason}` }
  }
}

/** The certificates of a PEM file, in order; none when it holds none. @throws Error for a broken one */
export function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []
  return blocks.map((block) => new X509Certificate(block))
}

/**
 * Has these bytes stamped, and believes the answer only when it verifies.
 *
 * @param fetch the global one, or a test's
 */
export async function askTimeStamp(
  { url, trusted }: { url: string; trusted: readonly X509Certificate[] },
  bytes: Uint8Array,
  fetch: Fetch,
): Promise<ReadToken> {
  const { query, nonce } = timeStampRequest(bytes)
  const headers = { 'content-type': 'application/timestamp-query' }
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const response = await fetch(url, {
      method: 'POST',
      headers,
      body: new Uint8Array(query),
      signal,
    })
    if (!response.ok) return { kind: 'refused', reason: `status ${response.status}` }
    const read = tokenOf(Buffer.from(await response.arrayBuffer()))
    if (read.kind === 'refused') return read
    const stamp = verifyTimeStamp(read.token, bytes, trusted, nonce)
    return stamp.kind === 'stamped' ? read : stamp
  } catch (error) {
    const { cause, message } = error as Error & { cause?: NodeJS.ErrnoException }
    return { kind: 'refused', reason: cause?.code ?? message }
  }
}

const TIMEOUT_MS = 10_000
