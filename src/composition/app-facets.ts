import type { Connector, FacetSpec } from '../connector-sdk/contract.ts'
import type { AppRecord } from '../revocation/types.ts'

/** An app whose connector is gone, or whose configuration no longer fits it, still owes its account. */
export function facetsOf(
  connectors: ReadonlyMap<string, Connector>,
  app: AppRecord,
): readonly FacetSpec[] {
  const connector = connectors.get(app.connectorId)
  const parsed = connector?.manifest.configSchema.safeParse(app.config)
  if (connector === undefined || parsed?.success !== true) return [ACCOUNT_BY_HAND]
  return connector.facetsOf?.(parsed.data) ?? connector.manifest.facets
}

const ACCOUNT_BY_HAND: FacetSpec = {
  facet: 'account',
  enumerate: 'none',
  revoke: 'manual',
  observe: 'none',
  settleMs: 0,
  residualMs: 0,
  reversible: false,
}
