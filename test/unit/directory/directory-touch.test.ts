import { expect, test } from 'vitest'
import type { GroupRecord } from '../../../src/directory/types.ts'
import { sharedTouch } from '../../../src/storage/directory-touch.ts'

/** Touches that end when they are told to. */
function slowTouches() {
  const begun: { key: string; at: number; end(failure?: Error): void }[] = []
  const touch = sharedTouch(
    (key, at) =>
      new Promise((resolve, reject) => {
        const version = begun.length + 1
        const record = { id: key, version, lastModified: at } as GroupRecord
        const end = (failure?: Error): void => (failure ? reject(failure) : resolve(record))
        begun.push({ key, at, end })
      }),
  )
  return { begun, touch }
}

test('a touch, called while the same group is touched, begins after that and serves all who wait', async () => {
  const { begun, touch } = slowTouches()
  const first = touch('a', 1)
  const others = [touch('a', 3), touch('a', 2)]
  expect(begun).toHaveLength(1)
  begun[0]?.end()
  expect((await first)?.version).toBe(1)
  await expect.poll(() => begun.length).toBe(2)
  // Who comes now was not there when it began.
  const late = touch('a', 4)
  begun[1]?.end()
  const shared = await Promise.all(others)
  expect(shared.map((group) => [group?.version, group?.lastModified])).toEqual([
    [2, 3],
    [2, 3],
  ])
  await expect.poll(() => begun.length).toBe(3)
  begun[2]?.end()
  expect((await late)?.version).toBe(3)
})

test('a touch that fails, others of the group waiting, fails alone', async () => {
  const { begun, touch } = slowTouches()
  const first = touch('a', 1)
  const second = touch('a', 2)
  begun[0]?.end(new Error('away'))
  await expect(first).rejects.toThrow('away')
  await expect.poll(() => begun.length).toBe(2)
  begun[1]?.end()
  expect((await second)?.version).toBe(2)
})

test('touches of two groups, at the same time, do not wait for each other', () => {
  const { begun, touch } = slowTouches()
  void touch('a', 1)
  void touch('b', 1)
  expect(begun.map(({ key }) => key)).toEqual(['a', 'b'])
})
