/** As much of DER (X.690) as a time stamp needs: definite lengths, one-byte tags. */
export interface DerNode {
  tag: number
  /** Tag, length and content: what is hashed and signed. */
  whole: Buffer
  content: Buffer
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  octets: 0x04,
  null: 0x05,
  oid: 0x06,
  time: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

/** One element. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content])
  const digits = length.toString(16)
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
  return Buffer.concat([Buffer.from([tag, 0x80 | bytes.length]), bytes, content])
}

/** An object identifier, from its dotted form. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second]
  for (const arc of rest) {
    const groups = [arc % 128]
    for (let n = Math.floor(arc / 128); n > 0; n = Math.floor(n / 128))
      groups.unshift((n % 128) | 0x80)
    bytes.push(...groups)
  }
  return der(TAG.oid, Buffer.from(bytes))
}

/** @throws RangeError when the bytes are no DER of this kind */
export function readDer(bytes: Buffer): DerNode[] {
  const nodes: DerNode[] = []
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] as number
    const first = bytes[at + 1]
    if (first === undefined || (tag & 0x1f) === 0x1f) throw new RangeError('not DER')
    const extra = first < 0x80 ? 0 : first & 0x7f
    if (first === 0x80 || extra > 4 || at + 2 + extra > bytes.length)
      throw new RangeError('not DER')
    const length = extra === 0 ? first : bytes.readUIntBE(at + 2, extra)
    const start = at + 2 + extra
    if (start + length > bytes.length) throw new RangeError('DER ends within an element')
    nodes.push({
      tag,
      whole: bytes.subarray(at, start + length),
      content: bytes.subarray(start, start + length),
    })
    at = start + length
  }
  return nodes
}

/** The one element of these bytes, with this tag. @throws RangeError for anything else */
export function readOne(bytes: Buffer, tag: number): DerNode {
  const [node, ...rest] = readDer(bytes)
  return expectTag(rest.length === 0 ? node : undefined, tag)
}

/** @throws RangeError when it is missing or another kind of element */
export function expectTag(node: DerNode | undefined, tag: number): DerNode {
  if (node?.tag !== tag) throw new RangeError(`expected an element ${tag.toString(16)}`)
  return node
}
