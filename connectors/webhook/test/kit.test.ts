import { describe, test } from 'vitest'
import { connectorKit } from '../../../src/connector-sdk/kit/kit.ts'
import webhook from '../index.ts'
import { webhookWorld } from './world.ts'

describe.each([[{}], [{ facets: ['session'] }], [{ facets: ['account'], settleSeconds: 1 }]])(
  'webhook, %j',
  (config) => {
    const cases = connectorKit({ connector: webhook, start: () => webhookWorld(config) })
    test.each(cases.map(({ name, run }) => [name, run] as const))('%s', (_, run) => run())
  },
)
