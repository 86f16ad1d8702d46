import { defineConfig } from 'vitest/config'

const project = (name: string, include: string[], more: object = {}) => ({
  extends: true as const,
  test: { name, include, ...more },
})

export default defineConfig({
  ssr: { resolve: { conditions: ['hub-source', 'node', 'development|production'] } },
  test: {
    globalSetup: ['test/support/global-mongod.ts'],
    coverage: { provider: 'v8', include: ['src/**'], reporter: ['text-summary'] },
    pool: 'forks',
    // Most tests wait for something: more workers than the two cores of a small machine.
    maxWorkers: 4,
    // Files of one worker share their modules: every file takes a database of its own and keeps nothing global.
    isolate: false,
    execArgv: ['--disable-proto=delete'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
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
