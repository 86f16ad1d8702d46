// `npm start` on a fresh clone: compiles when dist/ is missing or older than a source file.
import { spawnSync } from 'node:child_process'
import { readdirSync, statSync, writeFileSync } from 'node:fs'

const STAMP = 'dist/.built'

function newest(path) {
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(0, ...readdirSync(path).map((name) => newest(`${path}/${name}`)))
}

const sources = ['src', 'connectors', 'package.json', 'tsconfig.json', 'tsconfig.build.json']
const built = statSync(STAMP, { throwIfNoEntry: false })?.mtimeMs ?? 0
if (Math.max(...sources.map(newest)) > built) {
  console.log('building …')
  for (const step of [
    ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'],
    ['scripts/copy-assets.mjs'],
  ]) {
    const { status } = spawnSync(process.execPath, step, { stdio: 'inherit' })
    if (status !== 0) process.exit(status ?? 1)
  }
  writeFileSync(STAMP, '')
}
