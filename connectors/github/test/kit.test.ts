import { describe } from 'vitest'
import { testKit } from '../../../test/support/kit.ts'
import github from '../index.ts'
import { githubWorld } from './world.ts'

describe.each(['saml', 'login', 'enterprise'] as const)('github, %s', (kind) => {
  testKit({ connector: github, start: () => githubWorld(kind) }, 'fake held to GitHub’s OpenAPI')
})
