import { afterAll, beforeAll, expect, test } from 'vitest'
import { laneId, newLane } from '../../src/revocation/lane.ts'
import { createNews } from '../../src/revocation/news.ts'
import { prepareLanes } from '../../src/storage/lane-models.ts'
import { createLaneStore } from '../../src/storage/lane-store.ts'
import { freshDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'

let database: Awaited<ReturnType<typeof freshDatabase>>
let store: ReturnType<typeof createLaneStore>
beforeAll(async () => {
  database = await freshDatabase()
  await prepareLanes(database.connection)
  store = createLaneStore(database.connection)
})
afterAll(() => database.dispose())

const idOf = (userId: string): string => laneId({ sourceId: 's', userId, appId: 'crm' })
const withNews = (userId: string) => ({
  ...newLane({ id: idOf(userId), sourceId: 's', userId, appId: 'crm' }),
  dirty: true,
})
const ids = (lanes: readonly { id: string }[]): string[] => lanes.map(({ id }) => id).sort()

test('news, between two looks at everything, is of the lanes that this process moved, and of those not carried', async () => {
  await store.save([withNews('ann'), withNews('bob')])
  const news = createNews(store)
  const all = await news.next(10)
  expect(ids(all)).toEqual([idOf('ann'), idOf('bob')])
  expect(news.waitMs()).toBeUndefined()

  news.moved(idOf('ann'))
  expect(news.waitMs()).toBe(0)
  expect(ids(await news.next(10))).toEqual([idOf('ann')])
  // Nothing of its own is left, and everything was looked at a moment ago.
  expect(await news.next(10)).toEqual([])

  news.again(all.filter(({ id }) => id === idOf('bob')))
  expect(ids(await news.next(10))).toEqual([idOf('bob')])
})

test('news, told that there may be some anywhere, looks at everything within a second', async () => {
  const news = createNews(store)
  await news.next(10)
  news.anywhere()
  const waitMs = news.waitMs() ?? Number.NaN
  expect(waitMs).toBeGreaterThan(0)
  expect(waitMs).toBeLessThanOrEqual(1_000)
  await eventually('its time has come', async () => news.waitMs() === 0)
  expect((await news.next(10)).length).toBe(2)
  expect(news.waitMs()).toBeUndefined()
})

test('news, more than fits into one round, goes on at once', async () => {
  const news = createNews(store)
  expect(await news.next(1)).toHaveLength(1)
  expect(news.waitMs()).toBe(0)
})
