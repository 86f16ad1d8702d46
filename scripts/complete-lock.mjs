// Adds the lock entries of platform packages that this registry does not serve.
import { readFileSync, writeFileSync } from 'node:fs'

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'))
const OS = {
  android: 'android',
  darwin: 'darwin',
  macos: 'darwin',
  win32: 'win32',
  windows: 'win32',
  freebsd: 'freebsd',
  linux: 'linux',
  openbsd: 'openbsd',
  netbsd: 'netbsd',
  sunos: 'sunos',
  aix: 'aix',
  openharmony: 'openharmony',
}
const CPU = {
  arm64: 'arm64',
  x64: 'x64',
  ia32: 'ia32',
  arm: 'arm',
  armv7: 'arm',
  riscv64: 'riscv64',
  s390x: 's390x',
  ppc64: 'ppc64',
  ppc64le: 'ppc64',
  loong64: 'loong64',
  mips64el: 'mips64el',
}
let n = 0
for (const [path, p] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(p.optionalDependencies ?? {})) {
    const key = `node_modules/${name}`
    if (lock.packages[key]?.version || lock.packages[`${path}/${key}`]?.version) continue
    if (!/^\d+\.\d+\.\d+/.test(range)) {
      console.log('range', name, range)
      continue
    }
    const words = name.toLowerCase().split(/[^a-z0-9]+/)
    const os = [...new Set(words.map((w) => OS[w]).filter(Boolean))],
      cpu = [...new Set(words.map((w) => CPU[w]).filter(Boolean))]
    lock.packages[key] = {
      version: range,
      ...(cpu.length && { cpu }),
      ...(p.dev && { dev: true }),
      optional: true,
      ...(os.length ? { os } : { os: ['none'] }),
    }
    n++
  }
}
lock.packages = Object.fromEntries(
  Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)),
)
writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`)
console.log('added', n)
