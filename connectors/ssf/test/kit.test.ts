import { describe, test } from 'vitest'
import { connectorKit } from '../../../src/connector-sdk/kit/kit.ts'
import ssf from '../index.ts'
import { ssfWorld } from './world.ts'

describe.each(['events', 'gtr'] as const)('ssf, %s', (of) => {
  const cases = connectorKit({ connector: ssf, start: () => ssfWorld(of) })
  test.each(cases.map(({ name, run }) => [name, run] as const))('%s', (_, run) => run())
})
