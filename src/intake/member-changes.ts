import type { GroupRecord, Membership, UserRecord } from '../directory/types.ts'
import { grantingGroups } from '../revocation/plan.ts'
import { HubError } from '../shared/errors.ts'
import type { createKeyedQueue } from '../shared/keyed-queue.ts'
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

export interface MemberChangeDeps extends UserChangeDeps {
  /** Changes of one person's membership, one after the other. */
  personInTurn: ReturnType<typeof createKeyedQueue>
}

/**
 * Who leaves and who joins a group, in transactions of bounded size.
 *
 * @returns the group with its new version when the set of members is another one now
 * @throws HubError ERR_NOT_FOUND when somebody has deleted the group meanwhile, and its members with it
 */
export async function changeMembers(
  deps: MemberChangeDeps,
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

/** `unchanged`: everything is so already. `lost`: somebody else was faster, or it was not as assumed. */
type Outcome = 'changed' | 'unchanged' | 'lost'

/**
 * A provider puts one person into many groups at once. Each of these changes moves the person's version, so they
 * take turns instead of losing races. More than one person in a step is left to the races: several turns at once
 * are not waited for.
 *
 * @returns whether somebody left or joined
 */
function changePart(
  deps: MemberChangeDeps,
  call: ChangeCall,
  step: Step,
  apply: typeof changeDisplay,
): Promise<boolean> {
  const [id, ...others] = idsOf(step)
  const change = () => changeInRaces(deps, call, step, apply)
  if (id === undefined || others.length > 0) return change()
  return deps.personInTurn(`${call.sourceId}/${id}`, change)
}

async function changeInRaces(
  deps: UserChangeDeps,
  call: ChangeCall,
  step: Step,
  apply: typeof changeDisplay,
): Promise<boolean> {
  for (let race = 0; race < MAX_RACES; race++) {
    const outcome = await apply(deps, call, step, race)
    if (outcome !== 'lost') return outcome === 'changed'
  }
  throw new HubError('ERR_CONFLICT', 'too many concurrent changes of these members; try again', {
    retryAfterSeconds: 1,
  })
}

const idsOf = ({ leave, join }: Step): string[] => [...leave, ...join.map(({ value }) => value)]

/** What is left to do of a step. */
const due = ({ groupId, leave, join }: Step, isMember: (id: string) => boolean): Step => ({
  groupId,
  leave: leave.filter(isMember),
  join: join.filter((member) => !isMember(member.value)),
})

/** "Nothing to do", acknowledged through a majority commit, as for users. */
async function isStill(
  { transactor, store }: UserChangeDeps,
  { sourceId }: ChangeCall,
  { groupId, leave, join }: Step,
): Promise<Outcome> {
  const ids = idsOf({ groupId, leave, join })
  const now = new Set(
    await transactor.transaction((tx) => store.memberIds(sourceId, groupId, ids, tx)),
  )
  const isSo = now.size === join.length && join.every(({ value }) => now.has(value))
  return isSo ? 'unchanged' : 'lost'
}

/**
 * A group that grants nothing: rows, and a new version of each user concerned, whose `groups` shows them.
 *
 * The first time, a request is taken at its word: hardly any asks for what is so already, and the writes tell. Only
 * then is it read who is a member.
 */
async function changeDisplay(
  deps: UserChangeDeps,
  call: ChangeCall,
  step: Step,
  race: number,
): Promise<Outcome> {
  const { store, transactor, clock } = deps
  let rest = step
  if (race > 0) {
    const present = new Set(await store.memberIds(call.sourceId, step.groupId, idsOf(step)))
    rest = due(step, (id) => present.has(id))
    if (idsOf(rest).length === 0) return await isStill(deps, call, step)
  }
  const done = await transactor
    .transaction(async (tx) => {
      await Promise.all([
        changeRows(deps, call, rest, tx),
        store.touchUsers(call.sourceId, idsOf(rest), clock.now(), tx),
      ])
      return true
    })
    .catch(isLostRace)
  return done ? 'changed' : 'lost'
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
 *
 * Reads first, and then only writes: the transaction is one message.
 */
async function changePeople(deps: UserChangeDeps, call: ChangeCall, asked: Step): Promise<Outcome> {
  const { store } = deps
  const { groupId } = asked
  const ids = idsOf(asked)
  const everybody = await store.users(call.sourceId, ids)
  // After the users: who is in another group by then has another version, too.
  const [groups, facts] = await Promise.all([
    store.groupIdsOf(call.sourceId, ids),
    accessFacts(deps, call.sourceId, ids),
  ])
  const step = due(asked, (id) => groups.get(id)?.has(groupId) === true)
  const concerned = new Set(idsOf(step))
  if (concerned.size === 0) return await isStill(deps, call, asked)
  const leaving = new Set(step.leave)
  const plan = (user: UserRecord): { next: UserRecord; version: number; owed: Owed } => {
    const was = groups.get(user.id) ?? new Set<string>()
    const is = new Set(was)
    if (leaving.has(user.id)) is.delete(groupId)
    else is.add(groupId)
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
  for (const user of everybody) {
    if (!concerned.has(user.id)) continue
    if (plans.length % PLANS_PER_TURN === PLANS_PER_TURN - 1) await nextTurn()
    plans.push(plan(user))
  }
  const done = await deps.transactor
    .transaction(async (tx) => {
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
    .catch(isLostRace)
  return done ? 'changed' : 'lost'
}
