import type { UserChangeDeps } from '../intake/user-changes.ts'
import { newId } from '../shared/ids.ts'
import { facetsOf } from './app-facets.ts'
import type { Parts } from './parts.ts'
import { stormGuard } from './storms.ts'
import { exempting } from './waivers.ts'

/** What every change of a person needs, whoever makes it: SCIM, an admin, or the clock. */
export function createChanges(
  parts: Pick<Parts, 'config' | 'stores' | 'entries' | 'vault' | 'connectors'>,
  onCommitted: () => void,
): UserChangeDeps {
  const { stores, entries, vault, connectors } = parts
  return {
    ...stores,
    store: stores.directory,
    ledger: stores.intake,
    entries,
    vault,
    newId,
    facetsOf: (app) => facetsOf(connectors, app),
    exempt: exempting(parts),
    storms: stormGuard(parts),
    onCommitted,
  }
}
