import { buffer } from 'node:stream/consumers'
import { crc32, deflateRawSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { ZipFile } from 'yazl'
import { readBundle } from '../../../src/ledger/bundle-reader.ts'
import { LIMITS } from '../../../src/ledger/certificate-format.ts'
import { verifyCertificate } from '../../../src/ledger/verify.ts'

interface Member {
  name: string
  /** As stored: compressed already when `method` is 8. */
  data?: Buffer
  method?: number
  flags?: number
  /** Declared sizes; by default the true ones. */
  size?: number
  crc?: number
  attributes?: number
}

/** Writes a zip by hand, with whatever lies it is told to hold. */
function zip(
  members: readonly Member[],
  options: { count?: number; comment?: string } = {},
): Buffer {
  const locals: Buffer[] = []
  const centrals: Buffer[] = []
  let offset = 0
  for (const m of members) {
    const name = Buffer.from(m.name)
    const data = m.data ?? Buffer.from('x')
    const fields = Buffer.alloc(26)
    fields.writeUInt16LE(20, 0)
    fields.writeUInt16LE(m.flags ?? 0x800, 2)
    fields.writeUInt16LE(m.method ?? 0, 4)
    fields.writeUInt32LE(m.crc ?? crcOf(data), 10)
    fields.writeUInt32LE(data.length, 14)
    fields.writeUInt32LE(m.size ?? data.length, 18)
    fields.writeUInt16LE(name.length, 22)
    const local = Buffer.concat([Buffer.from('PK\u0003\u0004'), fields, name, data])
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE(m.attributes ?? 0, 6)
    tail.writeUInt32LE(offset, 10)
    const madeBy = Buffer.from([20, 3])
    centrals.push(Buffer.concat([Buffer.from('PK\u0001\u0002'), madeBy, fields, tail, name]))
    locals.push(local)
    offset += local.length
  }
  const central = Buffer.concat(centrals)
  const end = Buffer.alloc(18)
  end.writeUInt16LE(options.count ?? members.length, 4)
  end.writeUInt16LE(options.count ?? members.length, 6)
  end.writeUInt32LE(central.length, 8)
  end.writeUInt32LE(offset, 12)
  const comment = Buffer.from(options.comment ?? '')
  end.writeUInt16LE(comment.length, 16)
  return Buffer.concat([...locals, central, Buffer.from('PK\u0005\u0006'), end, comment])
}

const crcOf = (data: Buffer): number => crc32(data)

const MIB = 1024 * 1024

describe('an archive', () => {
  test('written by hand and honest, is read: the cases below fail for their own reason', async () => {
    const data = Buffer.from('hello')
    const packed = deflateRawSync(data)
    const read = await readBundle(
      zip([
        { name: 'checkpoint', data },
        { name: 'policy', data: packed, method: 8, size: 5, crc: crcOf(data) },
      ]),
    )
    expect(read.kind === 'read' && [...read.files.values()].map(String)).toEqual(['hello', 'hello'])
  })

  const bomb = deflateRawSync(Buffer.alloc(LIMITS.file + MIB))
  test.each<[string, Buffer, RegExp]>([
    ['empty', Buffer.alloc(0), /./],
    ['no zip at all', Buffer.from('x'.repeat(100)), /./],
    ['cut off', zip([{ name: 'checkpoint' }]).subarray(0, -4), /./],
    ['traversal', zip([{ name: '../checkpoint' }]), /relative path|name/],
    ['absolute path', zip([{ name: '/checkpoint' }]), /absolute|name/],
    ['backslashes', zip([{ name: '..\\checkpoint' }]), /characters|name/],
    ['a strange name', zip([{ name: 'entries/evil.sh' }]), /name/],
    ['a name with NUL', zip([{ name: 'checkpoint\0.txt' }]), /name/],
    ['a name in another case', zip([{ name: 'CHECKPOINT' }]), /name/],
    ['a directory', zip([{ name: 'entries/' }]), /name/],
    ['twice the same name', zip([{ name: 'checkpoint' }, { name: 'checkpoint' }]), /twice/],
    [
      'a symbolic link',
      zip([{ name: 'checkpoint', attributes: (0o120777 << 16) >>> 0 }]),
      /plain file/,
    ],
    ['encrypted', zip([{ name: 'checkpoint', method: 8, flags: 0x801 }]), /encrypted/],
    ['an unknown method', zip([{ name: 'checkpoint', method: 12 }]), /compressed/],
    [
      'a bomb that declares its size',
      zip([{ name: 'checkpoint', method: 8, data: bomb, size: LIMITS.file + MIB }]),
      /too much/,
    ],
    [
      'a bomb that lies about its size',
      zip([{ name: 'checkpoint', method: 8, data: bomb, size: 10 }]),
      /too many bytes|too much/,
    ],
    ['a wrong declared size', zip([{ name: 'checkpoint', size: 2 }]), /size/],
    [
      'broken compression',
      zip([{ name: 'checkpoint', method: 8, data: Buffer.from('zzzz') }]),
      /./,
    ],
    ['more entries than there are', zip([{ name: 'checkpoint' }], { count: 7 }), /./],
    ['a million entries', zip([{ name: 'checkpoint' }], { count: 65_000 }), /too many files/],
    ['larger than allowed', Buffer.alloc(LIMITS.archive + 1), /too large/],
  ])('%s, is refused and nothing is thrown', async (_name, archive, reason) => {
    const read = await readBundle(archive)
    expect(read.kind === 'refused' ? read.reason : read.kind).toMatch(reason)
    expect(await verifyCertificate(archive, undefined)).toMatchObject({
      kind: 'refused',
      step: 'container',
    })
  })

  test('many files that are small alone, together too much, are refused', async () => {
    const writer = new ZipFile()
    const half = Buffer.alloc(LIMITS.total / 2)
    for (const name of ['checkpoint', 'policy', 'report.html']) writer.addBuffer(half, name)
    writer.end()
    const archive = await buffer(writer.outputStream)
    expect(archive.length).toBeLessThan(MIB)
    expect(await readBundle(archive)).toEqual({
      kind: 'refused',
      reason: 'the archive unpacks to too much',
    })
  })
})
