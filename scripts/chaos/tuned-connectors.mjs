// Loaded before the hub (node --import): the connectors that come with it, as they are, but with shorter waits for a
// run of minutes, and with two headers by which the applications' own logs can be held against the database.
// CHAOS_DIST: folder of the compiled hub. CHAOS_QUARANTINE_MS, CHAOS_TIMEOUT_MS, CHAOS_CONCURRENCY: the limits.
import { pathToFileURL } from 'node:url'

const { CHAOS_DIST, CHAOS_QUARANTINE_MS, CHAOS_TIMEOUT_MS, CHAOS_CONCURRENCY } = process.env

for (const name of ['scim', 'webhook']) {
  const { default: connector } = await import(
    pathToFileURL(`${CHAOS_DIST}/connectors/${name}/index.js`).href
  )
  const { manifest, revoke, restore } = connector
  manifest.quarantineMs = Number(CHAOS_QUARANTINE_MS)
  manifest.limits = {
    ...manifest.limits,
    concurrency: Number(CHAOS_CONCURRENCY),
    timeoutMs: Number(CHAOS_TIMEOUT_MS),
  }
  connector.revoke = (handle, call) => revoke(handle, named(call))
  connector.restore = (handle, undo, call) => restore(handle, undo, named(call))
}

function named(call) {
  const headers = { 'x-chaos-pid': String(process.pid), 'x-chaos-step': call.idempotencyKey }
  const send = (request) =>
    call.http.send({ ...request, headers: { ...request.headers, ...headers } })
  return { ...call, http: { ...call.http, send } }
}
