import { describe } from 'vitest'
import { testKit } from '../../../test/support/kit.ts'
import ssf from '../index.ts'
import { ssfWorld } from './world.ts'

describe.each(['events', 'gtr'] as const)('ssf, %s', (of) => {
  testKit({ connector: ssf, start: () => ssfWorld(of) }, 'receiver of our own, signatures checked')
})
