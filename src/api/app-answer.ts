import { z } from 'zod'
import type { AppRecord } from '../revocation/types.ts'
import { type Instant, iso } from '../shared/clock.ts'
import { instantField, instants } from './fields.ts'

/** An app as people see it. */
export const appAnswer = z.object({
  id: z.string(),
  name: z.string(),
  connectorId: z.string(),
  config: z.record(z.string(), z.unknown()),
  secrets: z.array(z.string()).meta({ description: 'Names of the secrets that are set' }),
  secretsExpireAt: z
    .record(z.string(), instantField)
    .meta({ description: 'Until when secrets hold, as far as somebody has said so' }),
  scope: z.record(z.string(), z.unknown()),
  class: z.int(),
  owners: z.array(z.string()),
  state: z.enum(['active', 'paused']),
  removedAt: instantField.optional().meta({ description: 'Since then it covers nobody' }),
  allowNetworks: z.array(z.string()),
  createdAt: instantField,
  updatedAt: instantField,
})

/** What is known of an app's secrets, but for the secrets. */
export interface SecretFacts {
  names: readonly string[]
  expireAt: Readonly<Record<string, Instant>>
}

export function showApp(
  app: AppRecord,
  { names, expireAt }: SecretFacts,
): z.infer<typeof appAnswer> {
  return {
    id: app.id,
    name: app.name,
    connectorId: app.connectorId,
    config: app.config as Record<string, unknown>,
    secrets: [...names],
    secretsExpireAt: Object.fromEntries(
      Object.entries(expireAt).map(([name, at]) => [name, iso(at)]),
    ),
    scope: { ...app.scope },
    class: app.class,
    owners: [...app.owners],
    state: app.state,
    ...instants({ removedAt: app.removedAt }),
    allowNetworks: [...app.allowNetworks],
    createdAt: iso(app.createdAt),
    updatedAt: iso(app.updatedAt),
  }
}
