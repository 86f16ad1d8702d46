import { afterAll, describe, expect, test } from 'vitest'
import type { UserRecord } from '../../src/directory/types.ts'
import { createDirectory } from '../../src/intake/create-directory.ts'
import { laneId } from '../../src/revocation/lane.ts'
import { newId } from '../../src/shared/ids.ts'
import { freshDatabase } from '../support/database.ts'
import { aCall, intakeOn } from '../support/intake.ts'

const database = await freshDatabase()
const intake = await intakeOn(database.connection)
const { directory, store } = intake
afterAll(() => database.dispose())

const SOURCE = 's'
const everywhere = await intake.register('everywhere')
const granted = ['g-a', 'g-b']
const finance = await intake.register('finance', {
  kind: 'groups',
  groups: granted.map((groupId) => ({ sourceId: SOURCE, groupId })),
})

const employ = (): Promise<UserRecord> =>
  directory.createUser(aCall(SOURCE), { userName: `${newId()}@example.com`, active: true })
const leave = (before: UserRecord) => ({ ...before.resource, active: false })
const comeBack = (before: UserRecord) => ({ ...before.resource, active: true })
const revocationsOf = async (userId: string) =>
  (await intake.revocations.list({ sourceId: SOURCE, userId }, { limit: 100 })).items
const countIntake = (offboardingId: string) =>
  database.connection
    .collection('ledger_intake')
    .countDocuments({ 'references.offboardingId': offboardingId })

/** Group ids are chosen by the hub; the apps above name two that are put there by hand. */
for (const id of granted) {
  await store.insertGroup({
    id,
    sourceId: SOURCE,
    resource: { displayName: id },
    version: 1,
    created: 0,
    lastModified: 0,
  })
}
const join = (groupId: string, userId: string) =>
  directory.changeGroup(aCall(SOURCE), groupId, (before) => ({
    resource: before.resource,
    members: { base: 'keep', add: [{ value: userId }], remove: [] },
  }))
/** The same door in another process: what takes turns within one does not wait there. */
const elsewhere = createDirectory(intake.deps)
const quit = (groupId: string, userId: string, door = directory) =>
  door.changeGroup(aCall(SOURCE), groupId, (before) => ({
    resource: before.resource,
    members: { base: 'keep', add: [], remove: [userId] },
  }))

describe('a deactivation', () => {
  test('once acknowledged, has its case, its revocations, its lane and its ledger row', async () => {
    const { id } = await employ()
    const { record } = await directory.changeUser(aCall(SOURCE), id, leave)
    expect(record).toMatchObject({ active: false, generation: 1, version: 2 })
    const [unit, ...others] = await revocationsOf(id)
    expect(others).toEqual([])
    expect(unit).toMatchObject({ appId: everywhere, facet: 'account', state: 'due', generation: 1 })
    const lane = await intake.lanes.lane(
      laneId({ sourceId: SOURCE, userId: id, appId: everywhere }),
    )
    expect(lane).toMatchObject({ state: 'ready', want: { generation: 1, op: 'revoke' } })
    expect(await countIntake(unit?.offboardingId ?? '')).toBe(1)
  })

  test('delivered three times at once, opens one case of one generation', async () => {
    const { id } = await employ()
    const answers = await Promise.all(
      [1, 2, 3].map(() => directory.changeUser(aCall(SOURCE), id, leave)),
    )
    expect(answers.map((a) => a.record.generation)).toEqual([1, 1, 1])
    expect(answers.filter((a) => a.changed)).toHaveLength(1)
    expect(await revocationsOf(id)).toHaveLength(1)
  })

  test('whose ledger row cannot be written, writes nothing at all', async () => {
    const { id } = await employ()
    const own = database.connection.getClient().db(database.dbName)
    await own.command({ collMod: 'ledger_intake', validator: { never: { $exists: true } } })
    try {
      await expect(directory.changeUser(aCall(SOURCE), id, leave)).rejects.toThrow(/validation/)
    } finally {
      await own.command({ collMod: 'ledger_intake', validator: {} })
    }
    expect(await store.user(SOURCE, id)).toMatchObject({ active: true, generation: 0, version: 1 })
    expect(await revocationsOf(id)).toEqual([])
  })

  test('of a person with If-Match of an old version, is refused and changes nothing', async () => {
    const { id } = await employ()
    await expect(
      directory.changeUser(aCall(SOURCE, { ifMatch: 7 }), id, leave),
    ).rejects.toMatchObject({ code: 'ERR_PRECONDITION' })
    expect(await revocationsOf(id)).toEqual([])
  })

  test('by deletion, removes the person from all groups and revokes what the groups granted', async () => {
    const { id } = await employ()
    await join('g-a', id)
    await directory.deleteUser(aCall(SOURCE), id)
    expect(await store.user(SOURCE, id)).toBeNull()
    expect(await store.members(SOURCE, 'g-a')).toEqual([])
    expect((await revocationsOf(id)).map((r) => r.appId).sort()).toEqual(
      [everywhere, finance].sort(),
    )
  })
})

describe('concurrent changes', () => {
  test('100 writers on one user, all of them, are kept', async () => {
    const { id } = await employ()
    await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        directory.changeUser(aCall(SOURCE), id, (before) => ({ ...before.resource, [`a${i}`]: i })),
      ),
    )
    const user = await store.user(SOURCE, id)
    expect(Object.keys(user?.resource ?? {})).toHaveLength(102)
  })

  test('two removals from two granting groups at once, the last grant gone, revoke the app', async () => {
    for (let round = 0; round < 10; round++) {
      const { id } = await employ()
      await join('g-a', id)
      await join('g-b', id)
      await Promise.all([quit('g-a', id), quit('g-b', id, elsewhere)])
      expect((await revocationsOf(id)).map((r) => r.appId)).toEqual([finance])
    }
  })

  test('deactivate against reactivate, whoever wins, user and lane agree', async () => {
    for (let round = 0; round < 20; round++) {
      const { id } = await employ()
      await directory.changeUser(aCall(SOURCE), id, leave)
      await Promise.all([
        directory.changeUser(aCall(SOURCE), id, comeBack),
        directory.changeUser(aCall(SOURCE), id, leave),
      ])
      const user = await store.user(SOURCE, id)
      const lane = await intake.lanes.lane(
        laneId({ sourceId: SOURCE, userId: id, appId: everywhere }),
      )
      expect(lane?.want?.op).toBe(user?.active ? 'restore' : 'revoke')
      expect(lane?.want?.generation).toBe(user?.generation)
    }
  })
})

describe('groups', () => {
  test('a group inside another, deleted, is no member any more and the outer version moves', async () => {
    const [outer, inner] = await Promise.all(
      ['outer', 'inner'].map((displayName) =>
        directory.createGroup(aCall(SOURCE), { displayName: `${displayName} ${newId()}` }, []),
      ),
    )
    await join(outer!.id, inner!.id)
    const before = await store.group(SOURCE, outer!.id)
    await directory.deleteGroup(aCall(SOURCE), inner!.id)
    expect(await store.members(SOURCE, outer!.id)).toEqual([])
    expect((await store.group(SOURCE, outer!.id))?.version).toBeGreaterThan(before!.version)
    expect(await store.group(SOURCE, inner!.id)).toBeNull()
  })

  test('a whole-group replace, people of several transactions, leaves exactly the new members', async () => {
    const people = await Promise.all(Array.from({ length: 250 }, employ))
    const { id } = await directory.createGroup(
      aCall(SOURCE),
      { displayName: 'many' },
      people.map((p) => ({ value: p.id })),
    )
    const kept = people.slice(0, 3).map((p) => ({ value: p.id }))
    const { changed } = await directory.changeGroup(aCall(SOURCE), id, (before) => ({
      resource: before.resource,
      members: { base: 'clear', add: kept, remove: [] },
    }))
    expect(changed).toBe(true)
    expect((await store.members(SOURCE, id)).map((m) => m.memberId).sort()).toEqual(
      kept.map((m) => m.value).sort(),
    )
  })

  test('an inactive person, removed from a granting group, owes nothing new', async () => {
    const { id } = await employ()
    await join('g-a', id)
    await directory.changeUser(aCall(SOURCE), id, leave)
    const before = await revocationsOf(id)
    await quit('g-a', id)
    expect(await revocationsOf(id)).toHaveLength(before.length)
  })

  test('a deleted granting group, all its members, are revoked in its app', async () => {
    const people = await Promise.all([employ(), employ()])
    for (const { id } of people) await join('g-b', id)
    await directory.deleteGroup(aCall(SOURCE), 'g-b')
    for (const { id } of people) {
      expect((await revocationsOf(id)).map((r) => r.appId)).toEqual([finance])
    }
  })
})
