import { spawnSync } from 'node:child_process'

/** Compiles the sources once per run, for tests that start the hub as a process; `npm start` does the same. */
export default function setup(): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/build-if-stale.mjs'])
  if (status !== 0) throw new Error(`the build failed:\n${stdout}${stderr}`)
}
