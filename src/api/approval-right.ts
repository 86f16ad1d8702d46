import {
  type Approval,
  isAbout,
  type Party,
  partyOf,
  REFUSALS,
  refusalOf,
} from '../auth/approval.ts'
import type { Principal } from '../auth/principal.ts'
import type { DirectoryStore } from '../directory/store.ts'
import type { RevocationReader } from '../revocation/reader.ts'
import type { Clock } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { isJsonObject, type JsonObject } from '../shared/json.ts'

export interface ApprovalRightParts {
  directory: Pick<DirectoryStore, 'user'>
  revocations: Pick<RevocationReader, 'offboardings'>
  clock: Clock
}

/** Who may propose, and who may decide. Nobody does about themselves. */
export function createApprovalRight({ directory, revocations, clock }: ApprovalRightParts) {
  /** How the subject is called, at the provider now and in their newest case. */
  const namesOf = async (subject: Approval['subject']): Promise<string[]> => {
    if (subject === undefined) return []
    const { sourceId, userId } = subject
    const [user, cases] = await Promise.all([
      directory.user(sourceId, userId),
      revocations.offboardings({ sourceId, userId }, { limit: 1 }),
    ])
    const known = cases.items[0]?.subject as { userName: string; emails: string[] } | undefined
    return [
      ...(user === null ? [] : namesIn(user.resource)),
      ...(known === undefined ? [] : [known.userName, ...known.emails]),
    ]
  }
  return {
    /** @throws HubError ERR_FORBIDDEN to whom it is about */
    refuseSubject: async (by: Principal, subject: Approval['subject']): Promise<void> => {
      if (isAbout(by, subject, await namesOf(subject))) throw forbidden(REFUSALS.subject)
    },
    /**
     * @param shown the digest that the decider names
     * @throws HubError ERR_FORBIDDEN, ERR_CONFLICT (decided, expired), ERR_PRECONDITION (not what was read)
     */
    mayDecide: async (approval: Approval, by: Principal, shown: string): Promise<void> => {
      const names = await namesOf(approval.subject)
      const refusal = refusalOf(approval, by, { shown, names, now: clock.now() })
      if (refusal === undefined) return
      const code = refusal === 'decided' || refusal === 'expired' ? 'ERR_CONFLICT' : undefined
      if (refusal === 'altered') throw new HubError('ERR_PRECONDITION', REFUSALS.altered)
      throw new HubError(code ?? 'ERR_FORBIDDEN', REFUSALS[refusal])
    },
  }
}

/** The person behind a token. @throws HubError ERR_FORBIDDEN for a program */
export function personBehind(principal: Principal): Party {
  const party = partyOf(principal)
  if (party === undefined) throw forbidden(REFUSALS['no-person'])
  return party
}

/** Why it is not allowed. */
export const forbidden = (why: string): HubError => new HubError('ERR_FORBIDDEN', why)

function namesIn({ userName, emails }: JsonObject): string[] {
  const addresses = (Array.isArray(emails) ? emails : []).flatMap((email) =>
    isJsonObject(email) && typeof email['value'] === 'string' ? [email['value']] : [],
  )
  return [...(typeof userName === 'string' ? [userName] : []), ...addresses]
}
