import { describe, test } from 'vitest'
import { connectorKit } from '../../../src/connector-sdk/kit/kit.ts'
import github from '../index.ts'
import { githubWorld } from './world.ts'

describe.each(['saml', 'login', 'enterprise'] as const)('github, %s', (kind) => {
  const cases = connectorKit({ connector: github, start: () => githubWorld(kind) })
  test.each(cases.map(({ name, run }) => [name, run] as const))('%s', (_, run) => run())
})
