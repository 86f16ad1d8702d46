import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files that start processes take long whatever the machine: they go first, and the rest fills up around them. */
class ProcessesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const late = ({ project }: TestSpecification): number =>
      ['fault', 'conformance', 'e2e'].indexOf(project.name) >>> 0
    return (await super.sort(files)).sort((a, b) => late(a) - late(b))
  }
}

const project = (name: string, include: string[], more: object = {}) => ({
  extends: true as const,
  test: { name, include, ...more },
})

export default defineConfig({
  // Without `module`: builds of that name are for bundlers, and not each of them runs in Node.
  ssr: { resolve: { conditions: ['hub-source', 'node', 'development|production'] } },
  test: {
    globalSetup: ['test/support/global-mongod.ts'],
    coverage: { provider: 'v8', include: ['src/**'], reporter: ['text-summary'] },
    pool: 'forks',
    // Most tests wait for something: more workers than the two cores of a small machine.
    maxWorkers: 4,
    // Files of one worker share their modules: every file takes a database of its own and keeps nothing global.
    isolate: false,
    sequence: { sequencer: ProcessesFirst },
    execArgv: ['--disable-proto=delete'],
    // Room for a machine that does something else meanwhile: nothing waits for a time, all for a condition.
    testTimeout: 120_000,
    hookTimeout: 180_000,
    projects: [
      project('architecture', ['test/architecture/**/*.test.ts']),
      project('unit', ['test/unit/**/*.test.ts', 'connectors/*/test/**/*.test.ts']),
      project('integration', ['test/integration/**/*.test.ts']),
      project('conformance', ['test/conformance/**/*.test.ts']),
      project('e2e', ['test/e2e/**/*.test.ts']),
      project('fault', ['test/fault/**/*.test.ts'], {
        globalSetup: ['test/support/global-build.ts'],
      }),
    ],
  },
})
