import { type Ack, type CallContext, type Evidence, isConnectorError } from './contract.ts'
import { inTurn, joinEvidence } from './in-turn.ts'
import { preview } from './preview.ts'

/** What an account holds of one kind, as it was read. */
export interface Held<T> {
  items: readonly T[]
  /** Of the reading. */
  evidence: Evidence
}

/**
 * Ends all that an account holds of one kind, one after the other. Nothing held is `already`. What somebody else ended
 * in the meantime does not stop the rest: whether all is gone is for the read-back to say.
 *
 * @param describe what an item is called in a preview: ids, no secrets
 * @throws ConnectorError that of the first write that failed; `partial` when others had happened before
 */
export async function endEach<T>(
  call: CallContext,
  { items, evidence }: Held<T>,
  describe: (item: T) => string,
  end: (item: T) => Promise<Evidence>,
): Promise<Ack> {
  if (items.length === 0) return { kind: 'already', evidence }
  if (call.dryRun) {
    const body = items.map(describe).join(', ')
    return preview(call, { method: 'DELETE', target: evidence.target, body })
  }
  const ended = await inTurn(items, async (item) => {
    try {
      return await end(item)
    } catch (error) {
      if (isConnectorError(error) && error.fault === 'gone' && error.evidence !== undefined) {
        return error.evidence
      }
      throw error
    }
  })
  return { kind: 'done', evidence: joinEvidence([evidence, ...ended]) }
}

/**
 * Gives back what `endEach` took, one after the other.
 *
 * @param held what is to be given back, and the evidence that the account is there
 * @param how the method of the writes and what an item is called, for a preview
 * @throws ConnectorError that of the first write that failed; `partial` when others had happened before
 */
export async function giveBackEach<T>(
  call: CallContext,
  { items, evidence }: Held<T>,
  how: { method: string; describe: (item: T) => string },
  giveBack: (item: T) => Promise<Evidence>,
): Promise<Ack> {
  if (call.dryRun) {
    const body = items.map(how.describe).join(', ')
    return preview(call, { method: how.method, target: evidence.target, body })
  }
  const back = await inTurn(items, giveBack)
  return { kind: 'done', evidence: joinEvidence([evidence, ...back]) }
}
