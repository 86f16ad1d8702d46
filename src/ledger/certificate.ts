import { hash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { CompactSign } from 'jose'
import { ZipFile } from 'yazl'
import { canonicalJson } from '../shared/canonical-json.ts'
import { type Instant, iso } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import {
  entryName,
  FORMAT,
  JWS_ALG,
  type Manifest,
  proofName,
  stampName,
} from './certificate-format.ts'
import { certificateReadme, certificateReport } from './certificate-report.ts'
import { discloseFields } from './disclosures.ts'
import type { ExpectedItem } from './entries.ts'
import type { ManifestKey } from './keys.ts'
import { inclusionProof, type ReadTile } from './proofs.ts'
import type { StoredCheckpoint, StoredEntry } from './store.ts'
import { tilePath } from './tiles.ts'
import { formatTlogProof } from './tlog-proof.ts'

/** All that is known of one case under one checkpoint. */
export interface CertificateMaterial {
  offboardingId: string
  origin: string
  checkpoint: StoredCheckpoint
  /** Entries of the case and of the log's keys, all below the checkpoint's size, in log order. */
  entries: readonly StoredEntry[]
  /** The list behind the commitment of the last amendment among `entries`, or of the opening entry. */
  expected: readonly ExpectedItem[]
  /** Undefined once it was erased: the certificate then proves the same and discloses nothing. */
  caseKey: Buffer | undefined
  /** Bytes that a commitment of the case may open to: the subject, account ids, evidence. */
  secrets: readonly Buffer[]
  /** For the human report only. */
  names: { subject: string | undefined; apps: ReadonlyMap<string, string> }
  readTile: ReadTile
}

/** What the certificates of one case are made from. */
export interface CertificateSource {
  /** @returns undefined while no published checkpoint covers the opening of the case */
  material(offboardingId: string): Promise<CertificateMaterial | undefined>
}

export interface CertificateMaker {
  /** The `.quittance.zip` of a case; null when nothing of it is sealed and signed yet. */
  certificate(offboardingId: string): Promise<Buffer | null>
}

/** @param options.policy text of a C2SP policy that names the log's keys; a hint to the reader, no more */
export function createCertificateMaker(options: {
  source: CertificateSource
  manifestKey: ManifestKey
  policy: () => Promise<string>
  now: () => Instant
}): CertificateMaker {
  return {
    certificate: async (offboardingId) => {
      const material = await options.source.material(offboardingId)
      if (material === undefined) return null
      const { manifestKey, now } = options
      return await buildCertificate({
        material,
        manifestKey,
        policy: await options.policy(),
        createdAt: now(),
      })
    },
  }
}

/**
 * Packs the proof of one case so that it can be verified without the hub, years later.
 *
 * @returns a zip; an open case gives one too, which says `incomplete` when it is verified
 * @throws HubError ERR_LEDGER when an entry is not covered by the checkpoint
 */
export async function buildCertificate(options: {
  material: CertificateMaterial
  manifestKey: ManifestKey
  policy: string
  createdAt: Instant
}): Promise<Buffer> {
  const { material, manifestKey, policy, createdAt } = options
  const { checkpoint, entries, expected } = material
  const readTile = remembered(material.readTile)
  const files = new Map<string, Buffer>()
  const put = (name: string, text: string): void => {
    files.set(name, Buffer.from(text))
  }
  put('checkpoint', checkpoint.note)
  put('policy', policy)
  put('expected.json', canonicalJson(expected))
  for (const [i, entry] of entries.entries()) {
    if (entry.index >= checkpoint.size) {
      throw new HubError('ERR_LEDGER', `entry ${entry.index} is not covered by the checkpoint`)
    }
    const proof = await inclusionProof(entry.index, checkpoint.size, readTile)
    files.set(entryName(i), entry.leaf)
    put(proofName(i), formatTlogProof({ index: entry.index, proof, checkpoint: checkpoint.note }))
  }
  for (const [i, token] of (checkpoint.timestamps ?? []).entries()) files.set(stampName(i), token)
  put('disclosures.json', canonicalJson(discloseFields(material)))
  put('README.txt', certificateReadme(material))
  put('report.html', certificateReport(material, createdAt))

  const manifest: Manifest = {
    created: iso(createdAt),
    files: [...files]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, bytes]) => ({ name, sha256: hash('sha256', bytes, 'hex'), size: bytes.length })),
    format: FORMAT,
    offboarding: material.offboardingId,
    origin: material.origin,
    tree_size: checkpoint.size,
  }
  const manifestBytes = Buffer.from(canonicalJson(manifest))
  files.set('manifest.json', manifestBytes)
  put('manifest.jws', await detachedSignature(manifestBytes, manifestKey))
  return await zipped(files)
}

/** Entries of one case stand near each other: their proofs share most tiles. */
function remembered(readTile: ReadTile): ReadTile {
  const tiles = new Map<string, ReturnType<ReadTile>>()
  return (tile) => {
    const path = tilePath(tile)
    const read = tiles.get(path) ?? readTile(tile)
    tiles.set(path, read)
    return read
  }
}

/** `<header>..<signature>`. RFC 7515 Appendix F. */
async function detachedSignature(payload: Buffer, key: ManifestKey): Promise<string> {
  const signed = await new CompactSign(payload)
    .setProtectedHeader({ alg: JWS_ALG, kid: key.kid })
    .sign(key.privateKey)
  const [header, , signature] = signed.split('.')
  return `${header}..${signature}`
}

async function zipped(files: ReadonlyMap<string, Buffer>): Promise<Buffer> {
  const zip = new ZipFile()
  for (const [name, bytes] of files) zip.addBuffer(bytes, name, { mode: 0o100644 })
  zip.end()
  return await buffer(zip.outputStream)
}
