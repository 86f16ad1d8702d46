import { expect, test } from 'vitest'
import { createKeyedQueue } from '../../../src/shared/keyed-queue.ts'

test('a keyed queue, work of one key, is done in its order, beside that of others', async () => {
  const inTurn = createKeyedQueue()
  let open = (): void => {}
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  const done: string[] = []
  const first = inTurn('a', async () => {
    await gate
    done.push('a1')
    throw new Error('no')
  })
  const second = inTurn('a', async () => done.push('a2'))
  await inTurn('b', async () => done.push('b'))
  open()
  await expect(first).rejects.toThrow('no')
  await second
  expect(done).toEqual(['b', 'a1', 'a2'])
})

test('a keyed queue, with as many waiting as may, refuses the next of that key alone until one is done', async () => {
  const inTurn = createKeyedQueue(2)
  let open = (): void => {}
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  const waiting = [1, 2, 3].map(() => inTurn('a', () => gate))
  let ran = false
  const refused = inTurn('a', async () => {
    ran = true
  })
  await expect(refused).rejects.toMatchObject({ code: 'ERR_BUSY', retryAfterSeconds: 1 })
  expect(ran).toBe(false)
  await inTurn('b', async () => {})
  open()
  await Promise.all(waiting)
  await inTurn('a', async () => {
    ran = true
  })
  expect(ran).toBe(true)
})
