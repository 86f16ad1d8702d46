import { hash } from 'node:crypto'
import { type Manifest, manifestSchema } from './certificate-format.ts'

/** The checks of a certificate, in the order in which they are made. */
const STEPS = [
  'container',
  'manifest',
  'checkpoint',
  'quorum',
  'timestamps',
  'inclusion',
  'signatures',
  'completeness',
  'disclosures',
] as const
export type Step = (typeof STEPS)[number]

/** Ends a verification. `verifyCertificate` turns it into an answer: it is never thrown at a caller. */
export class Refused extends Error {
  readonly step: Step
  readonly file: string | undefined
  constructor(step: Step, reason: string, file?: string) {
    super(reason)
    this.step = step
    this.file = file
  }
}

export type Files = ReadonlyMap<string, Buffer>

/** @throws Refused when the file is missing or no UTF-8 */
export function fileText(files: Files, name: string, step: Step): string {
  const bytes = files.get(name)
  if (bytes === undefined) throw new Refused(step, 'the file is missing', name)
  const text = bytes.toString('utf8')
  if (!Buffer.from(text).equals(bytes)) throw new Refused(step, 'the file is no UTF-8 text', name)
  return text
}

/** @throws Refused when the file is missing, no JSON, or of another shape */
export function fileJson<T>(
  files: Files,
  name: string,
  step: Step,
  schema: { safeParse(value: unknown): { success: true; data: T } | { success: false } },
): T {
  const parsed = schema.safeParse(parseJson(fileText(files, name, step)))
  if (!parsed.success) throw new Refused(step, 'the file has an unknown shape', name)
  return parsed.data
}

/** Undefined for what is no JSON: no schema here accepts that. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Reads the manifest and holds every file against it: none changed, none missing, none added. */
export function readManifest(files: Files): Manifest {
  const manifest = fileJson(files, 'manifest.json', 'manifest', manifestSchema)
  const listed = new Map(manifest.files.map((file) => [file.name, file]))
  if (listed.size !== manifest.files.length) throw new Refused('manifest', 'a file is listed twice')
  for (const [name, bytes] of files) {
    if (name === 'manifest.json' || name === 'manifest.jws') continue
    const line = listed.get(name)
    if (line === undefined) throw new Refused('manifest', 'a file is not listed', name)
    if (line.size !== bytes.length || line.sha256 !== hash('sha256', bytes, 'hex')) {
      throw new Refused('manifest', 'a file was changed', name)
    }
    listed.delete(name)
  }
  const [missing] = listed.keys()
  if (missing !== undefined) throw new Refused('manifest', 'a listed file is missing', missing)
  return manifest
}
