import { describe } from 'vitest'
import { testKit } from '../../../test/support/kit.ts'
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
  testKit({ connector: scim, start }, 'scimmy-routers')
})
