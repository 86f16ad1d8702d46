import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startEmbeddedMongod } from '../../src/storage/embedded-mongod.ts'

declare module 'vitest' {
  interface ProvidedContext {
    mongodbUri: string
  }
}

/** One real mongod for the whole run (or TEST_MONGODB_URI); each test file takes a database of its own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['TEST_MONGODB_URI']
  if (given !== undefined) {
    project.provide('mongodbUri', given)
    return async () => {}
  }
  const dataDir = await mkdtemp(join(tmpdir(), 'quittance-test-'))
  const mongod = await startEmbeddedMongod({
    dataDir,
    args: ['--setParameter', 'enableTestCommands=1'],
  })
  project.provide('mongodbUri', mongod.uri)
  return async () => {
    await mongod.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}
