import type { AppRecord } from '../revocation/types.ts'
import type { Instant } from '../shared/clock.ts'
import type { Transaction } from '../shared/transaction.ts'
import type { SecretFacts } from './app-answer.ts'
import { invalid } from './validate.ts'

export interface AppSecretsParts {
  /** Secrets can be written here and never read. */
  secrets: {
    put(appId: string, secrets: Readonly<Record<string, string>>, tx?: Transaction): Promise<void>
    remove(appId: string, names: readonly string[], tx?: Transaction): Promise<void>
    names(appId: string): Promise<string[]>
  }
  /** Until when they hold, as somebody has said; an alert is raised before. */
  secretExpiries: {
    put(
      appId: string,
      ends: Readonly<Record<string, Instant | null>>,
      tx?: Transaction,
    ): Promise<void>
    ofApp(appId: string): Promise<Record<string, Instant>>
  }
}

/** What is to become of an app's secrets. */
export interface SecretsChange {
  set: Readonly<Record<string, string>>
  removed: readonly string[]
  /** Of a secret that is set anew or removed and not named, nothing is known any more. */
  ends: Readonly<Record<string, Instant | null>>
  /** How it is afterwards. */
  after: SecretFacts
}

/** The secrets of apps, and until when they hold. */
export function createAppSecrets({ secrets, secretExpiries }: AppSecretsParts) {
  const facts = async (app: Pick<AppRecord, 'id'>): Promise<SecretFacts> => {
    const [names, expireAt] = await Promise.all([
      secrets.names(app.id),
      secretExpiries.ofApp(app.id),
    ])
    return { names, expireAt }
  }
  return {
    facts,
    /** @throws HubError ERR_CONFLICT, ERR_STORAGE_UNAVAILABLE */
    write: async (
      id: string,
      { set, removed, ends }: SecretsChange,
      tx: Transaction,
    ): Promise<void> => {
      await secrets.put(id, set, tx)
      await secrets.remove(id, removed, tx)
      await secretExpiries.put(id, ends, tx)
    },
  }
}

/**
 * Plans a change of secrets.
 *
 * @param asked.secrets by name; null removes one
 * @param asked.expireAt ISO 8601 by name; null: no end is known
 * @throws HubError ERR_INVALID_VALUE when an end is given for a secret that the app will not have
 */
export function secretsChange(
  before: SecretFacts,
  asked: {
    secrets: Readonly<Record<string, string | null>>
    expireAt: Readonly<Record<string, string | null>>
  },
): SecretsChange {
  const set = Object.fromEntries(
    Object.entries(asked.secrets).filter((entry): entry is [string, string] => entry[1] !== null),
  )
  const removed = Object.keys(asked.secrets).filter((name) => asked.secrets[name] === null)
  const names = [...new Set([...before.names, ...Object.keys(set)])].filter(
    (name) => !removed.includes(name),
  )
  const unknown = Object.keys(asked.expireAt).filter((name) => !names.includes(name))
  if (unknown.length > 0) {
    throw invalid(
      unknown.map((name) => ({
        pointer: `/secretsExpireAt/${name.slice(0, 64)}`,
        message: 'is not a secret that this app has',
      })),
    )
  }
  const ends = {
    ...Object.fromEntries(Object.keys(asked.secrets).map((name) => [name, null])),
    ...Object.fromEntries(
      Object.entries(asked.expireAt).map(([name, at]) => [
        name,
        at === null ? null : Date.parse(at),
      ]),
    ),
  }
  const expireAt = Object.fromEntries(
    Object.entries({ ...before.expireAt, ...ends }).filter(
      (entry): entry is [string, Instant] => entry[1] !== null,
    ),
  )
  return { set, removed, ends, after: { names, expireAt } }
}
