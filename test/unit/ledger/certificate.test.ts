import { generateKeyPairSync, hash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { ZipFile } from 'yazl'
import { exitCode } from '../../../src/cli/verify-file.ts'
import { describeVerification } from '../../../src/cli/verify-text.ts'
import { readBundle } from '../../../src/ledger/bundle-reader.ts'
import type { Manifest } from '../../../src/ledger/certificate-format.ts'
import { closing } from '../../../src/ledger/closing.ts'
import { fieldKey } from '../../../src/ledger/commitment.ts'
import type { EntryBody, OutcomeItem } from '../../../src/ledger/entries.ts'
import { expectedSet } from '../../../src/ledger/expected-set.ts'
import { manifestKey } from '../../../src/ledger/keys.ts'
import { createEntryWriter, readLeaf } from '../../../src/ledger/leaf.ts'
import { createNoteSigner, ED25519, parseVkey } from '../../../src/ledger/note.ts'
import { logOnlyPolicy, parsePolicy } from '../../../src/ledger/policy.ts'
import type { StoredEntry } from '../../../src/ledger/store.ts'
import { type Verification, verifyCertificate } from '../../../src/ledger/verify.ts'
import { checkDisclosures } from '../../../src/ledger/verify-disclosures.ts'
import { canonicalJson } from '../../../src/shared/canonical-json.ts'
import {
  caseKey,
  certificateOf,
  closedBody,
  driftBody,
  evidence,
  logVkey,
  openedBody,
  subject,
  unverifiableBody,
  verifiedBody,
  wholeCase,
  writer,
} from './case.ts'
import { vectors } from './vectors.ts'

const pinned = logOnlyPolicy([parseVkey(logVkey)!])
const refusedAt = (result: Verification): string =>
  result.kind === 'refused' ? `${result.step}: ${result.reason}` : result.kind

/** Unpacks, lets `change` loose on the files, and packs again. */
async function changed(
  archive: Buffer,
  change: (files: Map<string, Buffer>) => void,
): Promise<Buffer> {
  const read = await readBundle(archive)
  if (read.kind === 'refused') throw new Error(read.reason)
  const files = new Map(read.files)
  change(files)
  const zip = new ZipFile()
  for (const [name, bytes] of files) zip.addBuffer(bytes, name)
  zip.end()
  return await buffer(zip.outputStream)
}

describe('a certificate of a closed case', () => {
  test('under the pinned key of the log, is proved and complete', async () => {
    const result = await verifyCertificate(await certificateOf(), pinned)
    if (result.kind === 'refused') throw new Error(refusedAt(result))
    expect(result).toMatchObject({
      trust: 'pinned',
      completeness: 'complete',
      subject: subject.toString(),
      disclosed: 7,
      undisclosed: 0,
      erased: false,
    })
    expect(result.items.map(({ ending }) => ending?.body.type)).toEqual(
      Array(3).fill('revocation.verified'),
    )
    expect(exitCode(result)).toBe(0)
    const text = describeVerification(result)
    expect(text).toContain('PROVED AND COMPLETE')
    expect(text).toContain('none of your witnesses')
  })

  test('without a key, agrees with itself and is not called proved', async () => {
    const result = await verifyCertificate(await certificateOf(), undefined)
    expect(result).toMatchObject({ kind: 'verified', trust: 'bundled' })
    expect(exitCode(result)).toBe(2)
    expect(describeVerification(result)).toContain('NOT CHECKED AGAINST A KEY OF YOURS')
  })

  test("under another log's key, is refused", async () => {
    const stranger = createNoteSigner('ledger.example.com/unit', ED25519, Buffer.alloc(32, 99))
    const result = await verifyCertificate(
      await certificateOf(),
      logOnlyPolicy([stranger.verifier]),
    )
    expect(refusedAt(result)).toBe('checkpoint: no key that you trust has signed it')
    expect(exitCode(result)).toBe(1)
  })

  test('under a policy with a quorum, needs the witness that the policy names', async () => {
    const witness = vectors.notes.keys[2]!.vkey
    const text = `log ${logVkey}\nwitness w ${witness}\nquorum w\n`
    const read = parsePolicy(text)
    if (read.kind === 'refused') throw new Error(read.reason)
    const result = await verifyCertificate(await certificateOf(), read.policy)
    expect(refusedAt(result)).toBe('quorum: too few of your witnesses have cosigned')
  })

  test('after erasure, proves the same and discloses nothing', async () => {
    const erased: EntryBody = {
      type: 'offboarding.keys_erased',
      v: 1,
      log: 'ledger.example.com/unit',
      at: '2026-11-22T02:00:00.000Z',
      offboarding: 'o1',
    }
    const archive = await certificateOf({
      bodies: [...wholeCase(), erased],
      change: (material) => ({ ...material, caseKey: undefined }),
    })
    const result = await verifyCertificate(archive, pinned)
    expect(result).toMatchObject({ completeness: 'complete', disclosed: 0, erased: true })
    expect(describeVerification(result)).toContain('(erased)')
  })

  test('the report, for people, escapes names and says that it is not evidence', async () => {
    const read = await readBundle(await certificateOf())
    const report = read.kind === 'read' ? read.files.get('report.html')!.toString() : ''
    expect(report).toContain('&lt;CRM&gt; &amp; more')
    expect(report).toContain('not evidence')
  })
})

describe('a case that has not ended well', () => {
  const proof = (n: number) => verifiedBody(n)

  test('still open, verifies and is called incomplete', async () => {
    const archive = await certificateOf({ bodies: [openedBody(), proof(1)] })
    const result = await verifyCertificate(archive, pinned)
    expect(result).toMatchObject({ kind: 'verified', completeness: 'open' })
    expect(exitCode(result)).toBe(2)
    expect(describeVerification(result)).toContain('INCOMPLETE')
  })

  test('live again after its end, verifies, names the new case and is not called complete', async () => {
    const result = await verifyCertificate(
      await certificateOf({ bodies: [...wholeCase(), driftBody(2)] }),
      pinned,
    )
    expect(result).toMatchObject({ kind: 'verified', completeness: 'complete' })
    expect(exitCode(result)).toBe(2)
    const text = describeVerification(result)
    expect(text).toContain('LIVE AGAIN LATER')
    expect(text).toMatch(/LIVE AGAIN {2}crm facet_b .* case o2 entry/)
    expect(text).not.toContain('PROVED AND COMPLETE')
  })

  test('acknowledged by an app that cannot be asked, stays open and says why', async () => {
    const archive = await certificateOf({ bodies: [openedBody(), proof(1), unverifiableBody(2)] })
    const result = await verifyCertificate(archive, pinned)
    expect(result).toMatchObject({ kind: 'verified', completeness: 'open', undisclosed: 0 })
    expect(describeVerification(result)).toMatch(/no proof {4}crm facet_b .* cannot be read back/)
    const read = await readBundle(archive)
    const report = read.kind === 'read' ? read.files.get('report.html')!.toString() : ''
    expect(report).toContain('acknowledged only: the application cannot be asked')
  })

  test.each([
    ['of another app', driftBody(1, { app: 'erp' }), 'is about another app or facet'],
    ['of another generation', driftBody(1, { generation: 2 }), 'is of another generation'],
    ['not expected', driftBody(1, { revocation: 'r9' }), 'a revocation that was not expected'],
    ['never proven', driftBody(2), 'what was not proven gone came back'],
  ])('said to be live again, %s, is refused', async (_, drift, reason) => {
    const archive = await certificateOf({ bodies: [openedBody(), proof(1), drift] })
    expect(refusedAt(await verifyCertificate(archive, pinned))).toContain(reason)
  })

  test('closed with nothing in scope, is not called proved', async () => {
    const archive = await certificateOf({
      bodies: [openedBody({ expected: expectedSet([]) }), closedBody([])],
      change: (material) => ({ ...material, expected: [] }),
    })
    const result = await verifyCertificate(archive, pinned)
    expect(result).toMatchObject({ kind: 'verified', completeness: 'empty' })
    expect(exitCode(result)).toBe(2)
    expect(describeVerification(result)).toContain('NOTHING PROVED')
  })

  test('superseded, verifies and is not called complete', async () => {
    const bodies = [1, 2, 3].map(
      (n): EntryBody => ({
        type: 'revocation.superseded',
        v: 1,
        log: 'ledger.example.com/unit',
        at: '2026-11-22T02:00:00.000Z',
        app: 'crm',
        by_generation: 2,
        facet: verifiedBody(n).facet,
        generation: 1,
        offboarding: 'o1',
        reason: 'returned',
        revocation: `r${n}`,
      }),
    )
    const items = closedBody(bodies.map((b) => writer.write(b))).items!
    const end = closing(items.map((item): OutcomeItem => ({ ...item, outcome: 'superseded' })))
    const closed = { ...closedBody([]), ...end } as EntryBody
    const archive = await certificateOf({ bodies: [openedBody(), ...bodies, closed] })
    const result = await verifyCertificate(archive, pinned)
    expect(result).toMatchObject({ kind: 'verified', completeness: 'superseded' })
    expect(exitCode(result)).toBe(2)
  })

  const proofs = [1, 2, 3].map((n) => writer.write(proof(n)))
  test.each<[string, EntryBody[], string]>([
    [
      'closed, one entry withheld',
      [openedBody(), proof(1), proof(2), closedBody(proofs)],
      'not in this certificate',
    ],
    [
      'closed over two of three',
      [openedBody(), proof(1), proof(2), closedBody(proofs.slice(0, 2))],
      'not in this certificate',
    ],
    [
      'an outcome changed',
      [openedBody(), proof(1), proof(2), verifiedBody(3, { grade: 'A' }), closedBody(proofs)],
      'other outcomes',
    ],
    [
      'seen alive, called dead',
      [openedBody(), verifiedBody(1, { after: { ...verifiedBody(1).after, state: 'live' } })],
      'but saw live',
    ],
    ['another app', [openedBody(), verifiedBody(1, { app: 'erp' })], 'another app'],
    [
      'an unexpected revocation',
      [openedBody(), verifiedBody(1, { revocation: 'r9' })],
      'not expected',
    ],
    [
      'another generation',
      [openedBody(), verifiedBody(1, { generation: 7 })],
      'another generation',
    ],
    ['no opening', [proof(1)], 'not exactly one opening'],
    ['opened twice', [openedBody(), openedBody({ for_cause: true })], 'not exactly one opening'],
    [
      'a smaller expected set',
      [openedBody({ expected: { count: 2, root: 'a'.repeat(64) } })],
      'not the one the case was opened with',
    ],
    [
      'an ending after the closing',
      [openedBody(), proof(1), proof(2), closedBody(proofs), proof(3)],
      'follows the closing',
    ],
    [
      'closed twice',
      [...wholeCase(), closedBody(proofs, { at: '2026-11-22T02:00:01.000Z' })],
      'closed twice',
    ],
    ['ended twice', [openedBody(), proof(1), verifiedBody(1, { grade: 'A' })], 'ended twice'],
    [
      'another case',
      [...wholeCase(), verifiedBody(1, { offboarding: 'o2', revocation: 'r7' })],
      'another case',
    ],
  ])('%s, is refused', async (_name, bodies, reason) => {
    const result = await verifyCertificate(await certificateOf({ bodies }), pinned)
    expect(refusedAt(result)).toContain('completeness: ')
    expect(refusedAt(result)).toContain(reason)
  })
})

describe('a certificate that somebody changed', () => {
  test('any file, with one byte changed, is refused', async () => {
    const archive = await certificateOf({ noise: 5 })
    const read = await readBundle(archive)
    if (read.kind === 'refused') throw new Error(read.reason)
    for (const name of read.files.keys()) {
      const forged = await changed(archive, (files) => {
        const bytes = Buffer.from(files.get(name)!)
        const middle = Math.floor(bytes.length / 2)
        bytes[middle] = (bytes[middle] as number) ^ 1
        files.set(name, bytes)
      })
      expect((await verifyCertificate(forged, pinned)).kind, name).toBe('refused')
    }
  })

  test.each([
    ['a file removed', (f: Map<string, Buffer>) => f.delete('expected.json'), 'manifest'],
    ['an entry removed', (f: Map<string, Buffer>) => f.delete('entries/00005.json'), 'manifest'],
    [
      'a file added',
      (f: Map<string, Buffer>) => f.set('entries/00099.json', Buffer.from('{}')),
      'manifest',
    ],
    ['no manifest', (f: Map<string, Buffer>) => f.delete('manifest.json'), 'manifest'],
    ['no signature', (f: Map<string, Buffer>) => f.delete('manifest.jws'), 'manifest'],
  ])('%s, is refused at the %s', async (_name, change, step) => {
    const forged = await changed(await certificateOf({ noise: 2 }), change)
    expect(refusedAt(await verifyCertificate(forged, pinned))).toContain(`${step}: `)
  })

  test('a manifest, signed with alg none or HS256, is refused', async () => {
    for (const alg of ['none', 'HS256']) {
      const header = Buffer.from(JSON.stringify({ alg, kid: 'x' })).toString('base64url')
      const forged = await changed(await certificateOf({ noise: 2 }), (files) => {
        files.set('manifest.jws', Buffer.from(`${header}..AAAA`))
      })
      expect(refusedAt(await verifyCertificate(forged, pinned))).toBe(
        'manifest: the signature is wrong',
      )
    }
  })

  /** Somebody who has the key for manifests, but not the log's: the manifest is right, the content is not. */
  const entriesChanged = (change: (entries: StoredEntry[]) => StoredEntry[]): Promise<Buffer> =>
    certificateOf({
      change: (material) => ({ ...material, entries: change([...material.entries]) }),
    })

  test('an entry that is not in the log, packed by the hub itself, is refused', async () => {
    const archive = await entriesChanged((entries) =>
      entries.map((entry, i) =>
        i === entries.length - 2
          ? { ...entry, leaf: writer.write(verifiedBody(3, { grade: 'A' })).leaf }
          : entry,
      ),
    )
    expect(refusedAt(await verifyCertificate(archive, pinned))).toBe(
      'inclusion: it is not in the log',
    )
  })

  test('a proof under another checkpoint than that of the file, is refused', async () => {
    const archive = await certificateOf({
      change: (material) => ({
        ...material,
        checkpoint: {
          ...material.checkpoint,
          note: material.checkpoint.note.replace('\n\n', '\nx\n\n'),
        },
      }),
    })
    expect(refusedAt(await verifyCertificate(archive, pinned))).toContain(
      'checkpoint: the signature',
    )
  })

  const forger = generateKeyPairSync('ed25519').privateKey
  const kidOfWorker = (() => {
    const read = readLeaf(writer.write(openedBody()).leaf)
    return read.kind === 'leaf' ? read.leaf.kid : ''
  })()
  test.each([
    ['under the name of an announced key', kidOfWorker, 'the signature is wrong'],
    ['under a key that was never announced', 'worker-x', 'announced no key worker-x'],
  ])('entries in the log, signed %s, are refused', async (_name, kid, reason) => {
    const by = createEntryWriter({ origin: writer.origin, kid, privateKey: forger })
    const archive = await certificateOf({ by })
    const said = refusedAt(await verifyCertificate(archive, pinned))
    expect(said).toContain('signatures: ')
    expect(said).toContain(reason)
  })

  test('entries of the case, signed with the key for manifests, are refused', async () => {
    const { kid, privateKey } = manifestKey(Buffer.alloc(32, 3))
    const by = createEntryWriter({ origin: writer.origin, kid, privateKey })
    expect(refusedAt(await verifyCertificate(await certificateOf({ by }), pinned))).toBe(
      'signatures: a key for manifest may not sign this',
    )
  })

  test('a certificate without the announcements of keys, is refused', async () => {
    const archive = await entriesChanged((entries) =>
      entries.filter((entry) => !entry.eid.startsWith('log.key:worker')),
    )
    expect(refusedAt(await verifyCertificate(archive, pinned))).toContain(
      'announced no key worker-',
    )
  })

  test('a secret, under a wrong name, does not open', async () => {
    const archive = await certificateOf({
      change: (material) => ({ ...material, secrets: [evidence] }),
    })
    const result = await verifyCertificate(archive, pinned)
    expect(result).toMatchObject({ kind: 'verified', disclosed: 3, undisclosed: 4 })
  })

  test('a disclosure, of other bytes, under another key, twice or of nothing, is refused', () => {
    const eid = 'offboarding.opened:o1'
    const key = fieldKey(caseKey, eid, 'subject').toString('base64url')
    const good = { bytes: subject.toString('base64'), entry: eid, key, path: 'subject' }
    const bodies = [openedBody()]
    expect(() => checkDisclosures([good], bodies)).not.toThrow()
    for (const bad of [
      [{ ...good, bytes: Buffer.from('{"userName":"bob"}').toString('base64') }],
      [{ ...good, key: fieldKey(caseKey, eid, 'other').toString('base64url') }],
      [{ ...good, path: 'cause' }],
      [{ ...good, entry: 'offboarding.opened:o2' }],
      [good, good],
    ]) {
      expect(() => checkDisclosures(bad, bodies)).toThrow(/something else|commits to nothing/)
    }
  })

  /** Packed again by somebody who knows how: the manifest lists what is there, only its signature is old. */
  const repacked = (archive: Buffer, change: (files: Map<string, Buffer>) => void) =>
    changed(archive, (files) => {
      change(files)
      const manifest = JSON.parse(files.get('manifest.json')!.toString()) as Manifest
      manifest.files = [...files]
        .filter(([name]) => !name.startsWith('manifest.'))
        .map(([name, bytes]) => ({
          name,
          sha256: hash('sha256', bytes, 'hex'),
          size: bytes.length,
        }))
      files.set('manifest.json', Buffer.from(canonicalJson(manifest)))
    })
  const edit = (name: string, by: (text: string) => string) => (files: Map<string, Buffer>) => {
    files.set(name, Buffer.from(by(files.get(name)!.toString())))
  }
  const line = `\u2014 x.example/y ${Buffer.alloc(68, 1).toString('base64')}\n`

  test.each<[string, (files: Map<string, Buffer>) => void, RegExp]>([
    ['nothing but the manifest', () => {}, /^manifest: the signature is wrong/],
    ['10,000 signature lines', edit('checkpoint', (t) => t + line.repeat(10_000)), /^checkpoint: /],
    ['CRLF', edit('checkpoint', (t) => t.replaceAll('\n', '\r\n')), /^checkpoint: /],
    [
      'a hyphen for the em dash',
      edit('checkpoint', (t) => t.replaceAll('\u2014', '-')),
      /^checkpoint: /,
    ],
    [
      'another size',
      edit('checkpoint', (t) => t.replace(/\n(\d+)\n/, '\n999\n')),
      /^checkpoint: the signature/,
    ],
    [
      "another log's proof",
      edit(
        'proofs/00004.tlog-proof',
        (t) => t.slice(0, t.indexOf('\n\n') + 2) + vectors.notes['checkpointSize17'],
      ),
      /^inclusion: it leads to another checkpoint/,
    ],
    [
      'a proof for another size',
      edit('proofs/00004.tlog-proof', (t) => t.replace(/^(.*\n.*\n).*\n/, '$1')),
      /^inclusion: it is not in the log/,
    ],
    [
      'a proof for another index',
      edit('proofs/00004.tlog-proof', (t) => t.replace(/index \d+/, 'index 1')),
      /^inclusion: it is not in the log/,
    ],
    [
      'a proof with CRLF',
      edit('proofs/00004.tlog-proof', (t) => t.replaceAll('\n', '\r\n')),
      /^inclusion: it is no proof/,
    ],
    ['a stamp that is junk', (f) => f.set('anchors/00000.tsr', Buffer.from('x')), /^manifest: /],
    ['a file of another kind', (f) => f.set('anchors/evil.sh', Buffer.from('x')), /^container: /],
  ])('a certificate packed again with %s, is refused at its step', async (_name, change, why) => {
    const forged = await repacked(await certificateOf({ noise: 2 }), change)
    expect(refusedAt(await verifyCertificate(forged, pinned))).toMatch(why)
  })

  test('an old certificate, under a checkpoint of its time, verifies as long as the key is believed', async () => {
    expect((await verifyCertificate(await certificateOf({ noise: 0 }), pinned)).kind).toBe(
      'verified',
    )
  })
})
