import type { ApprovalKind } from '../auth/approval.ts'
import type { ApprovalAct } from './approval-act.ts'
import { type AppActsParts, appActs } from './approval-apps.ts'
import { type ErasureActsParts, erasureActs } from './approval-erasure.ts'
import { type HoldActsParts, holdActs } from './approval-holds.ts'
import { type StormActsParts, stormActs } from './approval-storms.ts'
import { type WaiverActsParts, waiverActs } from './approval-waivers.ts'

export type ApprovalActsParts = WaiverActsParts &
  HoldActsParts &
  AppActsParts &
  StormActsParts &
  ErasureActsParts

/** What is done once a second person has said yes. */
export function approvalActs(
  parts: ApprovalActsParts,
): Readonly<Record<ApprovalKind, ApprovalAct>> {
  return {
    ...waiverActs(parts),
    ...holdActs(parts),
    ...appActs(parts),
    ...stormActs(parts),
    ...erasureActs(parts),
  }
}
