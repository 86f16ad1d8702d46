import type { GroupRecord, Membership, UserRecord } from '../directory/types.ts'
import { grantingGroups } from '../revocation/plan.ts'
import { HubError } from '../shared/errors.ts'
import type { Transaction } from '../shared/transaction.ts'
import { inTurns, nextTurn } from '../shared/turns.ts'
import { accessFacts, type Owed, planOwed, writeOwed } from './commit-access.ts'
import type { ChangeCall, MemberDelta, MemberRef } from './directory.ts'
import { isLostRace, lostRace, MAX_RACES, type UserChangeDeps } from './user-changes.ts'

/**
 * People whose access changes per transaction. A whole-group replace of 50,000 becomes a row of bounded
 * transactions: members are a set, so a crash in the middle is mended by the provider's retry.
 */
export const PEOPLE_PER_TRANSACTION = 100

/** And where nobody's access changes: rows and versions only. */
const ROWS_PER_TRANSACTION = 500

/**
 * Who leaves and who joins a group, in transactions of bounded size.
 *
 * @returns the group with its new version when the set of members is another one now
 * @throws HubError ERR_NOT_FOUND when somebody has deleted the group meanwhile, and its members with it
 */
export async function changeMembers(
  deps: UserChangeDeps,
  call: ChangeCall,
  groupId: string,
  delta: MemberDelta,
): Promise<GroupRecord | undefined> {
  const leaving = new Set(delta.remove)
  const joining = new Map<string, MemberRef>()
  await inTurns(delta.add, (slice) => {
    for (const member of slice) joining.set(member.value, member)
    return []
  })
  if (delta.base === 'clear') {
    const present = await deps.store.memberIds(call.sourceId, groupId)
    await inTurns(present, (slice) => {
      for (const memberId of slice) if (!joining.delete(memberId)) leaving.add(memberId)
      return []
    })
  } else {
    for (const id of joining.keys()) leaving.delete(id)
  }

  const grants = grantingGroups(await deps.apps.all(), call.sourceId).has(groupId)
  const ids = [...leaving, ...joining.keys()]
  let changed = false
  const size = grants ? PEOPLE_PER_TRANSACTION : ROWS_PER_TRANSACTION
  for (let from = 0; from < ids.length; from += size) {
    const part = ids.slice(from, from + size)
    const apply = grants ? changePeople : changeDisplay
    const step: Step = {
      groupId,
      leave: part.filter((id) => leaving.has(id)),
      join: part.flatMap((id) => joining.get(id) ?? []),
    }
    changed = (await changePart(deps, call, step, apply)) || changed
    if (from + size < ids.length) await nextTurn()
  }
  if (!changed) return undefined
  const touched = await deps.store.touchGroup(call.sourceId, groupId, deps.clock.now())
  if (grants) deps.onCommitted()
  if (touched === null) throw new HubError('ERR_NOT_FOUND', `no such Group: ${groupId}`)
  return touched
}

/** Members that leave and join a group in one transaction. */
interface Step {
  groupId: string
  leave: readonly string[]
  join: readonly MemberRef[]
}

/**
 * Reads first who is a member, and then only writes: the transaction is one message. When somebody else was faster,
 * it starts over.
 *
 * @returns whether somebody left or joined
 */
async function changePart(
  deps: UserChangeDeps,
  call: ChangeCall,
  { groupId, leave, join }: Step,
  apply: typeof changeDisplay,
): Promise<boolean> {
  const ids = [...leave, ...join.map((member) => member.value)]
  for (let race = 0; race < MAX_RACES; race++) {
    const present = new Set(await deps.store.memberIds(call.sourceId, groupId, ids))
    const step: Step = {
      groupId,
      leave: leave.filter((id) => present.has(id)),
      join: join.filter((member) => !present.has(member.value)),
    }
    const nothing = step.leave.length + step.join.length === 0
    const done = await (nothing
      ? isStill(deps, call, groupId, ids, present)
      : apply(deps, call, step).catch(isLostRace))
    if (done) return !nothing
  }
  throw new HubError('ERR_CONFLICT', 'too many concurrent changes of these members; try again', {
    retryAfterSeconds: 1,
  })
}

/** "Nothing to do", acknowledged through a majority commit, as for users. */
async function isStill(
  { transactor, store }: UserChangeDeps,
  { sourceId }: ChangeCall,
  groupId: string,
  ids: readonly string[],
  present: ReadonlySet<string>,
): Promise<boolean> {
  const now = await transactor.transaction((tx) => store.memberIds(sourceId, groupId, ids, tx))
  return now.length === present.size && now.every((id) => present.has(id))
}

/** A group that grants nothing: rows, and a new version of each user concerned, whose `groups` shows them. */
async function changeDisplay(deps: UserChangeDeps, call: ChangeCall, step: Step): Promise<boolean> {
  const ids = [...step.leave, ...step.join.map((member) => member.value)]
  return await deps.transactor.transaction(async (tx) => {
    await Promise.all([
      changeRows(deps, call, step, tx),
      deps.store.touchUsers(call.sourceId, ids, deps.clock.now(), tx),
    ])
    return true
  })
}

/** Aborts unless those leave who were there, and those join who were not. */
async function changeRows(
  { store }: UserChangeDeps,
  { sourceId }: ChangeCall,
  { groupId, leave, join }: Step,
  tx: Transaction,
): Promise<void> {
  const rows = join.map(
    (member): Membership => ({
      sourceId,
      groupId,
      memberId: member.value,
      type: member.type ?? 'User',
      ...(member.display === undefined ? {} : { display: member.display }),
    }),
  )
  const [removed, added] = await Promise.all([
    store.removeMembers(sourceId, groupId, leave, tx),
    store.addMembers(rows, tx),
  ])
  if (removed !== leave.length || added !== join.length) lostRace()
}

/** Planning for one person takes about a quarter of a millisecond: others have their turn between so many. */
const PLANS_PER_TURN = 20

/**
 * A group that grants an app: rows, users and what they owe, in one transaction. Each user concerned gets
 * a new version, so that two removals from two groups that both grant the same app cannot each believe
 * that the other group still grants it.
 */
async function changePeople(deps: UserChangeDeps, call: ChangeCall, step: Step): Promise<boolean> {
  const { store } = deps
  const ids = [...step.leave, ...step.join.map((member) => member.value)]
  const people = await store.users(call.sourceId, ids)
  // After the users: who is in another group by then has another version, too.
  const [groups, facts] = await Promise.all([
    store.groupIdsOf(call.sourceId, ids),
    accessFacts(deps, call.sourceId, ids),
  ])
  const leaving = new Set(step.leave)
  const plan = (user: UserRecord): { next: UserRecord; version: number; owed: Owed } => {
    const was = groups.get(user.id) ?? new Set<string>()
    const is = new Set(was)
    if (leaving.has(user.id)) is.delete(step.groupId)
    else is.add(step.groupId)
    const now = deps.clock.now()
    const owed = planOwed(deps, facts, {
      user,
      before: { active: user.active, groupIds: was },
      after: { active: user.active, groupIds: is },
      cause: call.cause,
      forCause: false,
      now,
    })
    const next = {
      ...user,
      generation: owed.generation,
      version: user.version + 1,
      lastModified: Math.max(now, user.lastModified + 1),
    }
    return { next, version: user.version, owed }
  }
  const plans: ReturnType<typeof plan>[] = []
  for (const user of people) {
    if (plans.length % PLANS_PER_TURN === PLANS_PER_TURN - 1) await nextTurn()
    plans.push(plan(user))
  }
  return await deps.transactor.transaction(async (tx) => {
    const [, , ...kept] = await Promise.all([
      changeRows(deps, call, step, tx),
      writeOwed(
        deps,
        plans.map(({ owed }) => owed),
        tx,
      ),
      ...plans.map(({ next, version }) => store.replaceUser(next, version, tx)),
    ])
    return kept.every(Boolean) || lostRace()
  })
}
