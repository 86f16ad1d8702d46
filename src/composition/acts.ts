import { type ActRecorder, createActRecorder } from '../api/acts.ts'
import type { Parts } from './parts.ts'

/** Writes what somebody did, or the hub by itself, to the audit trail and into the ledger. */
export const actRecorder = ({
  stores,
  entries,
  vault,
}: Pick<Parts, 'stores' | 'entries' | 'vault'>): ActRecorder =>
  createActRecorder({
    audit: stores.audit,
    entries,
    ledger: stores.intake,
    vault,
    clock: stores.clock,
  })
