import { expect, test } from 'vitest'
import { inOrder, type Service, sideBySide } from '../../../src/composition/lifecycle.ts'

/** Says what it does; stops when it is told to. */
function service(name: string, said: string[], fails = false) {
  let end = (): void => {}
  const stopped = new Promise<void>((resolve) => {
    end = resolve
  })
  const one: Service = {
    start: () => void said.push(`start ${name}`),
    stop: () => {
      said.push(`stop ${name}`)
      if (fails) return Promise.reject(new Error(name))
      return stopped
    },
  }
  return { one, end: () => end() }
}

test('services in order, one that does not stop yet, keeps those that it relies on running', async () => {
  const said: string[] = []
  const [first, second] = [service('first', said), service('second', said)]
  const both = inOrder([first.one, undefined, second.one])
  both.start()
  const stopping = both.stop()
  expect(said).toEqual(['start first', 'start second', 'stop second'])
  second.end()
  first.end()
  await stopping
  expect(said.at(-1)).toBe('stop first')
})

test('services side by side, stopped twice and one failing, are each told once and at the same time', async () => {
  const said: string[] = []
  const [first, second] = [service('first', said), service('second', said, true)]
  const both = sideBySide([first.one, undefined, second.one])
  both.start()
  const stopping = both.stop()
  expect(said).toEqual(['start first', 'start second', 'stop first', 'stop second'])
  let over = false
  const watched = both.stop().catch((error: unknown) => {
    over = true
    return error
  })
  await Promise.resolve()
  expect(over).toBe(false)
  first.end()
  await expect(stopping).rejects.toThrow('second')
  expect(await watched).toBe(await stopping.catch((error: unknown) => error))
  expect(said).toHaveLength(4)
})
