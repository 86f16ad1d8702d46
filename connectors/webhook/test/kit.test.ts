import { describe } from 'vitest'
import { testKit } from '../../../test/support/kit.ts'
import webhook from '../index.ts'
import { webhookWorld } from './world.ts'

describe.each([[{}], [{ facets: ['session'] }], [{ facets: ['account'], settleSeconds: 1 }]])(
  'webhook, %j',
  (config) => {
    testKit({ connector: webhook, start: () => webhookWorld(config) }, 'receiver of our own')
  },
)
