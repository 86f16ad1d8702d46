// Random filters, paths, PATCH messages, resources and query strings against the pure core of the SCIM room:
// npm run fuzz -- --runs 200000 --seed 1 [--http 2000]
// With --http, so many of them also go through a real server on an embedded database.
import { parseArgs } from 'node:util'
import { fuzzCore } from '../test/conformance/fuzz-core.ts'
import { fuzzOverHttp } from '../test/conformance/fuzz-server.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '200000' },
    http: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const seed = Number(values.seed)
console.log(`seed ${seed}`)
console.table(fuzzCore({ runs: Number(values.runs), seed, slowMs: 50 }))
if (Number(values.http) > 0) {
  console.table(await fuzzOverHttp({ runs: Number(values.http), seed }))
}
