import { access, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { findMongod } from '../../../src/storage/mongod-binary.ts'

let workDir: string
beforeEach(async () => {
  workDir = await mkdtemp(join(tmpdir(), 'quittance-mongod-'))
  vi.stubEnv('PATH', '')
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(workDir, { recursive: true })
})

// The packaged mongod is for one platform; on others one is on PATH, or downloaded.
test.runIf(process.platform === 'linux' && process.arch === 'x64')(
  'packaged mongod, a data folder whose checkout has moved, finds its libraries again',
  async () => {
    const links = join(workDir, 'openssl-1.1')
    await mkdir(links)
    for (const name of ['libssl.so.1.1', 'libcrypto.so.1.1']) {
      await symlink(join('/moved/away', name), join(links, name))
    }
    expect(await findMongod(workDir, undefined)).toMatchObject({ libraryPath: links, from: 'npm' })
    await access(join(links, 'libssl.so.1.1'))
    await access(join(links, 'libcrypto.so.1.1'))
  },
)
