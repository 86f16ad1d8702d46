import { describe } from 'vitest'
import { testKit } from '../../../test/support/kit.ts'
import awsIam from '../index.ts'
import { iamWorld } from './world.ts'

describe('aws-iam', () => {
  testKit({ connector: awsIam, start: iamWorld }, 'fake from AWS’s own model of the API')
})
