import { X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAnchors } from '../../src/ledger/anchors.ts'
import { parseNote, parseVkey } from '../../src/ledger/note.ts'
import { logOnlyPolicy } from '../../src/ledger/policy.ts'
import {
  certificatesIn,
  timeStampRequest,
  tokenOf,
  verifyTimeStamp,
} from '../../src/ledger/timestamp.ts'
import { verifyCertificate } from '../../src/ledger/verify.ts'
import expired from '../conformance/expired-tsa.json' with { type: 'json' }
import { freshDatabase } from '../support/database.ts'
import { ledgerOn, verifiedEntry } from '../support/ledger.ts'
import { startTimestampAuthority } from '../support/timestamp-authority.ts'
import { certificateOf, logVkey } from '../unit/ledger/case.ts'

const text = Buffer.from('ledger.example.com/test\n5\nroot\n')

describe.each(['ec', 'rsa:2048'] as const)('an authority with a key %s', (key) => {
  let tsa: Awaited<ReturnType<typeof startTimestampAuthority>>
  let root: X509Certificate
  beforeAll(async () => {
    tsa = await startTimestampAuthority(key)
    root = new X509Certificate(tsa.root)
  })
  afterAll(() => tsa.stop())

  const stamped = (bytes = text): { token: Buffer; nonce: Buffer } => {
    const { query, nonce } = timeStampRequest(bytes)
    const read = tokenOf(tsa.answer(query))
    if (read.kind === 'refused') throw new Error(read.reason)
    return { token: read.token, nonce }
  }

  test('stamps, and is believed under its root and under itself', () => {
    const { token, nonce } = stamped()
    const before = Date.now()
    for (const trusted of [root, new X509Certificate(tsa.certificate)]) {
      const read = verifyTimeStamp(token, text, [trusted], nonce)
      expect(read).toMatchObject({ kind: 'stamped', by: 'CN=Test TSA' })
      expect(Math.abs((read.kind === 'stamped' ? read.at : 0) - before)).toBeLessThan(30_000)
    }
  })

  test('of something else, for another request, or trusted by nobody, is refused', async () => {
    const { token } = stamped()
    const why = (...args: Parameters<typeof verifyTimeStamp>) => {
      const read = verifyTimeStamp(...args)
      return read.kind === 'refused' ? read.reason : read.kind
    }
    expect(why(token, Buffer.from('x'), [root])).toBe('it is about something else')
    expect(why(token, text, [root], stamped().nonce)).toBe('it answers another request')
    expect(why(token, text, [])).toBe('no authority that you trust has signed it')
    const stranger = await startTimestampAuthority('ec')
    expect(why(token, text, [new X509Certificate(stranger.root)])).toMatch(/no authority/)
    await stranger.stop()
    // A certificate that is trusted, and not for this.
    expect(why(token, text, [root]), 'control').toBe('stamped')
  })

  test('with any byte changed, is refused or says the same, and nothing is thrown', () => {
    const { token } = stamped()
    const good = verifyTimeStamp(token, text, [root])
    for (let at = 0; at < token.length; at += 7) {
      const bytes = Buffer.from(token)
      bytes[at] = (bytes[at] as number) ^ 0x15
      const read = verifyTimeStamp(bytes, text, [root])
      if (read.kind === 'stamped') expect(read).toEqual(good)
    }
    for (const cut of [0, 1, 5, 100, token.length - 1]) {
      expect(verifyTimeStamp(token.subarray(0, cut), text, [root]).kind).toBe('refused')
      expect(tokenOf(token.subarray(0, cut)).kind).toBe('refused')
    }
  })
})

describe('an authority whose certificate, and root, have expired since', () => {
  const text = Buffer.from(expired.text)
  const token = (answer: string): Buffer => {
    const read = tokenOf(Buffer.from(answer, 'base64'))
    if (read.kind === 'refused') throw new Error(read.reason)
    return read.token
  }
  const trusted = [expired.root, expired.certificate].map((pem) => new X509Certificate(pem))

  test('is believed about the time when they were valid, today and later', () => {
    for (const certificate of trusted) {
      expect(Date.parse(certificate.validTo)).toBeLessThan(Date.now())
      expect(verifyTimeStamp(token(expired.inTime), text, [certificate])).toEqual({
        kind: 'stamped',
        by: 'CN=Test TSA',
        at: Date.UTC(2026, 10, 22, 17, 31, 35),
      })
    }
  })

  test('is not believed about a time after that', () => {
    expect(verifyTimeStamp(token(expired.late), text, trusted)).toEqual({
      kind: 'refused',
      reason: 'the certificate was not valid at that time',
    })
  })
})

test('an hourly stamp, by an authority over HTTP, is kept with the checkpoint and is asked for once', async () => {
  const tsa = await startTimestampAuthority()
  const db = await freshDatabase()
  const it = await ledgerOn(db.connection)
  try {
    await it.settle()
    let now = Date.now()
    const trusted = certificatesIn(tsa.root.toString())
    let asked = 0
    const anchors = createAnchors({
      store: it.store,
      policy: undefined,
      authority: { url: tsa.url, trusted },
      clock: { now: () => now },
      fetch: (url, init) => {
        asked += 1
        return fetch(url, init)
      },
      log: it.log,
    })
    const stamped = (await anchors.round())!
    const text = Buffer.from(parseNote(stamped.note)!.text)
    const [token] = (await it.store.checkpoint())!.timestamps!
    expect(verifyTimeStamp(token!, text, trusted).kind).toBe('stamped')
    await it.enqueue([verifiedEntry(it.writer, 'r0')])
    await it.settle()
    await anchors.round()
    expect(asked).toBe(1)
    now += 61 * 60_000
    await anchors.round()
    expect(asked).toBe(2)
    expect((await it.store.checkpoint())!.timestamps).toHaveLength(1)
  } finally {
    await tsa.stop()
    await it.cleanUp()
    await db.dispose()
  }
})

test('a certificate with a stamp, under another checkpoint or authority, is refused', async () => {
  const tsa = await startTimestampAuthority()
  const trusted = certificatesIn(tsa.root.toString())
  const archive = (about: (text: string) => string) =>
    certificateOf({
      change: (material) => {
        const { query } = timeStampRequest(
          Buffer.from(about(parseNote(material.checkpoint.note)!.text)),
        )
        const read = tokenOf(tsa.answer(query))
        if (read.kind === 'refused') throw new Error(read.reason)
        return { ...material, checkpoint: { ...material.checkpoint, timestamps: [read.token] } }
      },
    })
  const pinned = logOnlyPolicy([parseVkey(logVkey)!])
  const good = await archive((text) => text)
  expect(await verifyCertificate(good, pinned, trusted)).toMatchObject({
    kind: 'verified',
    timestamps: [{ by: 'CN=Test TSA' }],
  })
  expect(await verifyCertificate(good, pinned)).toMatchObject({ kind: 'verified', timestamps: [] })
  const moved = await archive((text) => `${text}x`)
  expect(await verifyCertificate(moved, pinned, trusted)).toMatchObject({
    kind: 'refused',
    step: 'timestamps',
    file: 'anchors/00000.tsr',
  })
  await tsa.stop()
})
