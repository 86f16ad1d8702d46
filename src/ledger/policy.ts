import { COSIGNATURE, ED25519, parseVkey, type Verifier } from './note.ts'

/** Who may sign a checkpoint, and who must have cosigned it. C2SP tlog-policy. */
export interface Policy {
  logs: readonly Verifier[]
  witnesses: readonly Verifier[]
  /** Where a witness takes checkpoints, if the policy says so. */
  urls: ReadonlyMap<Verifier, string>
  /** Do these witnesses suffice? */
  quorum(cosigned: ReadonlySet<Verifier>): boolean
}

export type ReadPolicy = { kind: 'policy'; policy: Policy } | { kind: 'refused'; reason: string }

/** Supported at least: 32 of each. The bound keeps a hostile file cheap. */
const MAX_LINES = 1_000

type Rule = (cosigned: ReadonlySet<Verifier>) => boolean

/** Reads a policy file. `reason` names the line. */
export function parsePolicy(text: string): ReadPolicy {
  const lines = text.split('\n')
  if (lines.length > MAX_LINES) return { kind: 'refused', reason: 'too many lines' }
  const logs: Verifier[] = []
  const witnesses: Verifier[] = []
  const urls = new Map<Verifier, string>()
  const rules = new Map<string, Rule>()
  const members = new Set<string>()
  let quorum: Rule | undefined

  const read = (words: readonly string[]): string | undefined => {
    const [keyword, name = '', ...rest] = words
    switch (keyword) {
      case 'log': {
        const log = parseVkey(name)
        if (log?.type !== ED25519) return 'is no log key'
        if (logs.some((known) => known.raw.equals(log.raw))) return 'repeats a log key'
        logs.push(log)
        return undefined
      }
      case 'witness': {
        const witness = parseVkey(rest[0] ?? '')
        if (witness?.type !== COSIGNATURE) return 'is no witness key'
        if (witnesses.some((known) => known.raw.equals(witness.raw))) return 'repeats a witness key'
        const url = rest[1]
        if (url !== undefined && !/^https?:\/\/\S+$/.test(url)) return 'has no http(s) address'
        if (url !== undefined) urls.set(witness, url)
        witnesses.push(witness)
        return define(name, (cosigned) => cosigned.has(witness))
      }
      case 'group': {
        const [threshold = '', ...names] = rest
        const parts = names.map((member) => rules.get(member))
        const needed = { any: 1, all: names.length }[threshold] ?? wholeNumber(threshold)
        if (names.length === 0 || needed < 1 || needed > names.length) return 'has a bad threshold'
        for (const member of names) {
          if (!rules.has(member)) return `names ${member} before it is defined`
          if (members.has(member)) return `uses ${member} twice`
          members.add(member)
        }
        return define(name, (cosigned) => parts.filter((rule) => rule?.(cosigned)).length >= needed)
      }
      case 'quorum': {
        if (quorum !== undefined) return 'is a second quorum'
        quorum = name === 'none' ? () => true : rules.get(name)
        return quorum === undefined || rest.length > 0 ? 'names no known quorum' : undefined
      }
      default:
        return 'begins with an unknown word'
    }
  }

  const define = (name: string, rule: Rule): string | undefined => {
    if (name === 'none' || rules.has(name)) return `defines ${name} again`
    rules.set(name, rule)
    return undefined
  }

  for (const [i, line] of lines.entries()) {
    const words = line.split(/[ \t]+/).filter((word) => word !== '')
    if (words.length === 0 || words[0]?.startsWith('#')) continue
    const fault = read(words)
    if (fault !== undefined) return { kind: 'refused', reason: `line ${i + 1} ${fault}` }
  }
  if (quorum === undefined) return { kind: 'refused', reason: 'no quorum line' }
  return { kind: 'policy', policy: { logs, witnesses, urls, quorum } }
}

/** The policy of somebody who knows the log's key and asks for no witness. */
export function logOnlyPolicy(logs: readonly Verifier[]): Policy {
  return { logs, witnesses: [], urls: new Map(), quorum: () => true }
}

/** 0, which is no threshold, for anything else. */
function wholeNumber(text: string): number {
  return /^[1-9]\d{0,3}$/.test(text) ? Number(text) : 0
}
