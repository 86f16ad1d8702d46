import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { JACKSON_LOCK, jacksonFolder } from '../test/support/servers/jackson.ts'

/**
 * Installs the SCIM server by others that the scim connector is tested against: `npm run install:second-server`. Exactly what
 * its lock names, no install scripts; about 250 MB in the user's cache. Does nothing when it is there.
 */
const folder = jacksonFolder()
if (existsSync(folder)) {
  console.log(`already there: ${folder}`)
} else {
  mkdirSync(dirname(folder), { recursive: true })
  // Beside its place: it appears there by a rename, so that half of it is never taken for all.
  const half = mkdtempSync(`${folder}-`)
  try {
    for (const name of ['package.json', 'package-lock.json'])
      cpSync(join(JACKSON_LOCK, name), join(half, name))
    install(half, 2)
    if (!existsSync(folder)) renameSync(half, folder)
    console.log(`installed: ${folder}`)
  } finally {
    rmSync(half, { recursive: true, force: true })
  }
}

/** @throws Error when none of the attempts succeeds */
function install(directory: string, attempts: number): void {
  const flags = ['--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund']
  for (let left = attempts - 1; ; left -= 1) {
    try {
      execFileSync('npm', ['ci', ...flags], {
        cwd: directory,
        stdio: ['ignore', 'inherit', 'inherit'],
        timeout: 600_000,
      })
      return
    } catch (cause) {
      if (left > 0) {
        console.warn('npm ci of the second SCIM server failed; once more')
        continue
      }
      throw new Error(
        `the SCIM server for tests of connectors/scim could not be installed into ${folder}: npm ci failed ${attempts} times`,
        { cause },
      )
    }
  }
}
