// The SCIM connector with room for more calls at once: the benches measure the hub, not a polite limit.
import scim from '../dist/connectors/scim/index.js'

// biome-ignore lint/style/noDefaultExport: connectors are found by it
export default {
  ...scim,
  manifest: { ...scim.manifest, id: 'bench', limits: { concurrency: 16, timeoutMs: 5_000 } },
}
