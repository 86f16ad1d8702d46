// People who left, their cases written as the intake writes them, many in one transaction.
import { writeOwed } from '../src/intake/commit-access.ts'
import { planCase } from '../src/intake/opened-case.ts'
import { newId } from '../src/shared/ids.ts'

const FACET = { facet: 'account' }
const CHUNK = 50

/** Opens one case with one revocation per app for each of `names`, and rings; returns how many revocations. */
export async function openCases({ stores, vault, entries, wake }, { names, apps }) {
  const plan = {
    kind: 'leaver',
    revoke: apps.map((app) => ({ app, facets: [FACET] })),
    restore: [],
  }
  const now = stores.clock.now()
  const owed = names.map((name) => {
    const user = {
      id: newId(),
      sourceId: 'bench',
      resource: { userName: `${name}@example.com` },
      active: true,
      version: 1,
      generation: 1,
    }
    const cause = { kind: 'scim.patch', requestId: newId(), receivedAt: now }
    const change = { user, cause, now, forCause: false }
    return { generation: 2, ...planCase({ vault, entries, newId }, change, plan, 2, new Map()) }
  })
  const into = { revocations: stores.revocations, ledger: stores.intake, lanes: stores.lanes }
  for (let from = 0; from < owed.length; from += CHUNK) {
    const chunk = owed.slice(from, from + CHUNK)
    await stores.transactor.transaction((tx) => writeOwed(into, chunk, tx))
    // As the hub does after each commit: unrung, the workers would sleep up to ten seconds more.
    wake.ring()
  }
  return names.length * apps.length
}
