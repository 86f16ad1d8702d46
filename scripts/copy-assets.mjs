// Part of `npm run build`: what connectors bring along besides code (a script for the host, say) goes into dist, too.
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs'
import { dirname } from 'node:path'

for (const { name, parentPath } of readdirSync('connectors', {
  recursive: true,
  withFileTypes: true,
}).filter((entry) => entry.isFile())) {
  const path = `${parentPath}/${name}`
  if (/\.(ts|md)$/.test(name) || path.includes('/test/')) continue
  mkdirSync(dirname(`dist/${path}`), { recursive: true })
  copyFileSync(path, `dist/${path}`)
}
