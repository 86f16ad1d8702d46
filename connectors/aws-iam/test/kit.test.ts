import { describe, test } from 'vitest'
import { connectorKit } from '../../../src/connector-sdk/kit/kit.ts'
import awsIam from '../index.ts'
import { iamWorld } from './world.ts'

describe('aws-iam', () => {
  const cases = connectorKit({ connector: awsIam, start: iamWorld })
  test.each(cases.map(({ name, run }) => [name, run] as const))('%s', (_, run) => run())
})
