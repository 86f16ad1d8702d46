import { afterAll, expect, test } from 'vitest'
import { createDirectory } from '../../src/intake/create-directory.ts'
import {
  createStormGuard,
  createStormRelease,
  isStorm,
  type Storm,
} from '../../src/intake/storm.ts'
import { createLaneDesk } from '../../src/revocation/lane-desk.ts'
import { HOUR, SECOND, systemClock } from '../../src/shared/clock.ts'
import { newId } from '../../src/shared/ids.ts'
import { createStormStore, prepareStorms } from '../../src/storage/storm-store.ts'
import { freshDatabase } from '../support/database.ts'
import { ACCOUNT, aCall, intakeOn } from '../support/intake.ts'

const database = await freshDatabase()
const intake = await intakeOn(database.connection)
await prepareStorms(database.connection)
const store = createStormStore(database.connection)
const { transactor } = intake.deps
intake.deps.facetsOf = () => [ACCOUNT, { ...ACCOUNT, facet: 'api_token', reversible: false }]
intake.deps.storms = createStormGuard({
  store,
  limits: { departures: 3, sharePercent: 0 },
  clock: systemClock,
  newId,
})
afterAll(() => database.dispose())

function releasing() {
  const desk = createLaneDesk({ lanes: intake.lanes, clock: systemClock, onChanged: () => {} })
  const errors: string[] = []
  const release = createStormRelease({
    store,
    unhold: desk.unhold,
    log: { info: () => {}, warn: () => {}, error: (_, message) => errors.push(message) },
  })
  return { release, errors }
}

test.each([
  [{ departures: 99, people: 10_000 }, false],
  [{ departures: 100, people: 10_000 }, true],
  [{ departures: 19, people: 20 }, false],
  [{ departures: 20, people: 100 }, true],
  [{ departures: 20, people: 101 }, false],
])('departures, as in %j, are a storm: %s', (seen, expected) => {
  expect(isStorm(seen, { departures: 100, sharePercent: 20 })).toBe(expected)
  expect(isStorm(seen, { departures: 0, sharePercent: 20 })).toBe(false)
})

test('a fifth departure of an hour, with a limit of three, holds the irreversible until it is let go on', async () => {
  const appId = await intake.register('Chat')
  const rows = () => database.connection.collection('revocations').find().sort({ _id: 1 }).toArray()
  const leave = async (name: string, sourceId = 'okta'): Promise<void> => {
    const call = aCall(sourceId)
    const { id } = await intake.directory.createUser(call, { userName: name, active: true })
    await intake.directory.deleteUser(call, id)
  }
  for (const name of ['a', 'b', 'c', 'd']) await leave(name)
  await leave('e', 'other')
  const held = (await rows()).filter((row) => row['heldBy'] !== undefined)
  expect(held.map((row) => [row['sourceId'], row['facet']])).toEqual([
    ['okta', 'api_token'],
    ['okta', 'api_token'],
  ])
  const storm = await store.held('okta')
  expect(storm).toMatchObject({ id: held[0]?.['heldBy'], state: 'held' })
  expect(await store.count(storm?.id ?? '')).toEqual({ departures: 2, revocations: 2 })
  expect(await store.held('other')).toBeNull()

  const { release } = releasing()
  await release.round()
  expect(await store.count(storm?.id ?? '')).toMatchObject({ revocations: 2 })
  await transactor.transaction((tx) => store.resume('okta', Date.now(), tx))
  await release.round()
  expect((await rows()).some((row) => row['heldBy'] !== undefined)).toBe(false)
  const lane = await intake.lanes.lane(`okta/${held[0]?.['userId']}/${appId}`)
  expect(lane?.work.map((unit) => unit.heldBy)).toEqual([undefined, undefined])
  expect(await store.all('over')).toHaveLength(1)
  expect(await store.resumedSince('okta', Date.now() - 60_000)).toBe(true)
})

/** The intake of another process, whose clock goes as fast as a test says. */
function anotherWeb(sourceId: string, beforeCommit: () => Promise<void> = async () => {}) {
  let ahead = 0
  const clock = { now: () => Date.now() + ahead }
  const directory = createDirectory({
    ...intake.deps,
    clock,
    storms: createStormGuard({ store, limits: { departures: 2, sharePercent: 0 }, clock, newId }),
    transactor: {
      transaction: (work) =>
        transactor.transaction(async (tx) => {
          const result = await work(tx)
          await beforeCommit()
          return result
        }),
    },
  })
  const leave = async (): Promise<string> => {
    const call = aCall(sourceId)
    const { id } = await directory.createUser(call, { userName: newId(), active: true })
    await directory.deleteUser(call, id)
    return id
  }
  return {
    leave,
    /** Enough for a storm that is held. */
    storm: async (): Promise<Storm> => {
      for (let departure = 0; departure < 3; departure++) await leave()
      const storm = await store.held(sourceId)
      if (storm === null) throw new Error('nothing is held')
      return storm
    },
    goBy: (ms: number) => {
      ahead += ms
    },
  }
}
const heldOf = async (sourceId: string, userId: string): Promise<unknown[]> => {
  const lanes = await intake.lanes.ofUsers(sourceId, [userId])
  const rows = await database.connection.collection('revocations').find({ userId }).toArray()
  return [...lanes.flatMap(({ work }) => work), ...rows].flatMap((one) => one['heldBy'] ?? [])
}
const letGo = async (sourceId: string): Promise<void> => {
  await transactor.transaction((tx) => store.resume(sourceId, Date.now(), tx))
  await releasing().release.round()
}

test('storm guard, that counted just before the storm was let go on, holds nothing of a departure after that', async () => {
  const web = anotherWeb('late')
  await web.storm()
  // It counts anew, and knows the storm as one that is kept.
  web.goBy(3 * SECOND)
  await web.leave()
  await letGo('late')
  expect(await heldOf('late', await web.leave())).toEqual([])
})

test('storm release, with a departure that is committed after its last look, lets that one go on in the next round', async () => {
  let resumes = false
  const web = anotherWeb('later', async () => {
    if (resumes) await letGo('later')
  })
  const { id } = await web.storm()
  resumes = true
  const late = await web.leave()
  expect(await store.all('over')).toContainEqual(expect.objectContaining({ id }))
  expect(await heldOf('later', late)).not.toEqual([])
  await releasing().release.round()
  expect(await heldOf('later', late)).toEqual([])
})

test('storm guard, that sees a second storm hours after the first was let go on, holds it as a new one', async () => {
  const web = anotherWeb('twice')
  const first = await web.storm()
  await letGo('twice')
  web.goBy(2 * HOUR)
  const second = await web.storm()
  expect(second.id).not.toBe(first.id)
  expect(second.state).toBe('held')
  await letGo('twice')
})

test('storm release, with a lane that is missing, lets the others go on and tries that one again', async () => {
  await intake.register('Mail')
  const left: string[] = []
  for (const name of ['v', 'w', 'x', 'y', 'z']) {
    const call = aCall('entra')
    const { id } = await intake.directory.createUser(call, { userName: name, active: true })
    await intake.directory.deleteUser(call, id)
    left.push(id)
  }
  const revocations = database.connection.collection('revocations')
  const whoIsHeld = () => revocations.distinct('userId', { heldBy: { $exists: true } })
  const [first, second] = (await whoIsHeld()).map(String)
  expect(left).toEqual(expect.arrayContaining([first, second]))
  const lanes = database.connection.collection('lanes')
  const missing = await lanes.find({ userId: first as string }).toArray()
  await lanes.deleteMany({ userId: first as string })

  const { release, errors } = releasing()
  await transactor.transaction((tx) => store.resume('entra', Date.now(), tx))
  const over = (await store.all('over')).length
  await release.round()
  await release.round()
  expect(await whoIsHeld()).toEqual([first])
  const lane = await intake.lanes.ofUsers('entra', [second as string])
  expect(lane.flatMap(({ work }) => work).some((unit) => unit.heldBy !== undefined)).toBe(false)
  expect(errors).toEqual(missing.map(() => 'a lane of a storm stays held'))
  expect(await store.all('over')).toHaveLength(over)

  await lanes.insertMany(missing)
  await release.round()
  expect(await whoIsHeld()).toEqual([])
  expect(await store.all('over')).toHaveLength(over + 1)
})
