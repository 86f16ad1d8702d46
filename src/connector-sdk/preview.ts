import type { Ack, CallContext } from './contract.ts'

/** What `revoke` and `restore` answer in a preview: what would have been sent, and that it was not. */
export function preview(
  call: CallContext,
  would: { method: string; target: string; body?: string },
): Ack {
  return {
    kind: 'accepted',
    evidence: {
      method: would.method,
      target: would.target,
      at: call.now(),
      body: `preview, nothing was sent: ${would.body ?? ''}`,
    },
  }
}
