import type { Connector, FacetSpec, Match } from '../connector-sdk/contract.ts'
import type { OpenApp } from '../connector-sdk/runner.ts'
import type { DirectoryStore } from '../directory/store.ts'
import type { Clock } from '../shared/clock.ts'
import type { Vault } from '../vault/vault.ts'
import type { AppCalls } from './app-call.ts'
import type { Enumeration } from './correlate.ts'
import type { EvidenceRecord, EvidenceStore } from './evidence.ts'
import type { Hold } from './hold.ts'
import type { ProjectionStore } from './projection-store.ts'
import type { WorkerLaneStore } from './worker-store.ts'

/** What one run over a leased lane works with. Correlation and listing are done once per run. */
export interface LaneRun {
  hold: Hold
  open: OpenApp
  calls: AppCalls
  pace: () => Promise<void>
  evidence: Pick<EvidenceStore, 'seal'>
  cases: Pick<ProjectionStore, 'subject'>
  lanes: Pick<WorkerLaneStore, 'goneForOthers'>
  directory: Pick<DirectoryStore, 'listUsers'>
  vault: Pick<Vault, 'seal' | 'open'>
  clock: Clock
  random: () => number
  matches?: Promise<readonly Match[]>
  enumeration?: Promise<Enumeration>
}

export const specOf = (run: LaneRun, facet: FacetSpec['facet']): FacetSpec | undefined =>
  run.open.facets.find((spec) => spec.facet === facet)

const connectorName = ({ manifest }: Connector): string => `${manifest.id}@${manifest.version}`

/** Takes what an app said about one unit of the present case along to the next stored step; returns the evidence id. */
export async function keepEvidence(
  run: LaneRun,
  revocationId: string,
  record: Omit<EvidenceRecord, 'connector'>,
): Promise<string> {
  const offboardingId = run.hold.lane().current?.offboardingId ?? ''
  const connector = connectorName(run.open.connector)
  const sealed = await run.hold.patiently(() =>
    run.evidence.seal(offboardingId, revocationId, { ...record, connector }),
  )
  return run.hold.keep(sealed)
}
