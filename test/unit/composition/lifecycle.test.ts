import { expect, test } from 'vitest'
import { inOrder, type Service } from '../../../src/composition/lifecycle.ts'

const said: string[] = []
const service = (name: string, failure?: Error): Service => ({
  start: () => said.push(`start ${name}`),
  stop: async () => {
    await null
    said.push(`stop ${name}`)
    if (failure !== undefined) throw failure
  },
})

test('services, started in order, stop one after the other in the opposite order', async () => {
  said.length = 0
  const all = inOrder([service('ledger'), undefined, service('worker')])
  all.start()
  await all.stop()
  expect(said).toEqual(['start ledger', 'start worker', 'stop worker', 'stop ledger'])
})

test('services, one that does not stop, keeps no other from being stopped and is told', async () => {
  said.length = 0
  const [one, two] = [new Error('one'), new Error('two')]
  await expect(inOrder([service('a'), service('b', one)]).stop()).rejects.toBe(one)
  expect(said).toEqual(['stop b', 'stop a'])
  const stop = inOrder([service('a', two), service('b', one)]).stop()
  await expect(stop).rejects.toMatchObject({ errors: [one, two] })
})
