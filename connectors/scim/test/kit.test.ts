import { describe, test } from 'vitest'
import { connectorKit } from '../../../src/connector-sdk/kit/kit.ts'
import scim from '../index.ts'
import { scimWorld } from './world.ts'

// `patch-string` is not here: this server refuses "False" where the schema says boolean.
describe.each([
  ['patch', {}],
  ['patch-pathless', {}],
  ['put', {}],
  ['patch', { search: 'list' }],
])('scim, disable by %s, %j', (disable, more) => {
  const start = () => scimWorld({ disable, ...more })
  const cases = connectorKit({ connector: scim, start })
  test.each(cases.map(({ name, run }) => [name, run] as const))('%s', (_, run) => run())
})
