// Requests per second and CPU per request of the SCIM server, beside a bare Express 5 handler that does the
// same durable writes with the plain driver, on the same mongod, in the same run; and beside scimmy with
// scimmy-routers, which keeps everything in memory.
// npm run bench:scim [-- --seconds 5 --connections 16 --warmup 1 --cases get,create]
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import autocannon from 'autocannon'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '16' },
    warmup: { type: 'string', default: '1' },
    cases: { type: 'string', default: '' },
  },
})
const seconds = Number(values.seconds)
const connections = Number(values.connections)

const dataDir = await mkdtemp(join(tmpdir(), 'quittance-bench-'))
const port = 18_000 + (process.pid % 2_000)
const base = `http://127.0.0.1:${port}`

// The web role alone: the worker would compete for the two sides of the comparison in only one of them.
const hub = spawn(process.execPath, ['--disable-proto=delete', 'dist/src/main.js'], {
  env: {
    ...process.env,
    PORT: String(port),
    DATA_DIR: dataDir,
    ROLE: 'web',
    LOG_LEVEL: 'warn',
    ADMIN_TOKEN: 'bench-admin-token-of-32-characters-x',
  },
  stdio: ['ignore', 'ignore', 'inherit'],
})
const children = [hub]
try {
  await until(async () => (await fetch(`${base}/readyz`)).ok)
  const api = async (path, body) => {
    const response = await fetch(`${base}/api/v1${path}`, {
      method: 'POST',
      headers: {
        authorization: 'Bearer bench-admin-token-of-32-characters-x',
        'content-type': 'application/json',
      },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return response.json()
  }
  const source = await api('/sources', { id: 'bench', name: 'Bench', dialect: 'okta' })
  for (let n = 1; n <= 5; n++) {
    await api('/apps', {
      name: `App ${n}`,
      connectorId: 'scim',
      config: { baseUrl: 'http://127.0.0.1:9/scim' },
      secrets: { token: 'x' },
      scope: { kind: 'everyone' },
      class: 2,
      owners: ['owner@example.com'],
      allowNetworks: ['127.0.0.0/8'],
    })
  }
  const dbPort = (await readFile(join(dataDir, 'db-port'), 'utf8')).trim()
  const beside = async (...args) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    children.push(child)
    const line = await new Promise((resolve) => child.stdout.once('data', resolve))
    return { pid: child.pid, base: `http://127.0.0.1:${String(line).trim()}` }
  }
  const baseline = await beside(
    'bench/baseline.mjs',
    `mongodb://127.0.0.1:${dbPort}/?replicaSet=quittance`,
    'baseline',
  )
  const scimmy = await beside('bench/scimmy-server.mjs')

  const side = (name, pid, url, token) => ({
    name,
    pid,
    base: url,
    token,
    ids: [],
    made: 0,
    groupId: '',
  })
  const sides = [
    side('hub', hub.pid, `${base}/scim/bench/v2`, source.token),
    side('baseline', baseline.pid, baseline.base, 'baseline'),
    side('scimmy', scimmy.pid, scimmy.base, 'scimmy'),
  ]
  for (const one of sides) await prepare(one)
  const rows = []
  const chosen = values.cases === '' ? undefined : values.cases.split(',')
  for (const [name, request] of Object.entries(cases())) {
    if (chosen !== undefined && !chosen.includes(name)) continue
    const figures = []
    for (const one of sides) {
      // Deactivations cannot be repeated: the people would be gone before they are counted.
      if (Number(values.warmup) > 0 && !isDeactivation(request, one)) {
        await measure(one, request, Number(values.warmup))
      }
      figures.push(await measure(one, request, seconds))
    }
    const [hubs, bare, library] = figures
    rows.push({
      case: name,
      'hub req/s': Math.round(hubs.rate),
      'baseline req/s': Math.round(bare.rate),
      'scimmy req/s': Math.round(library.rate),
      'to baseline': (hubs.rate / bare.rate).toFixed(2),
      'to scimmy': (hubs.rate / library.rate).toFixed(2),
      'hub CPU ms': hubs.cpu.toFixed(2),
      'baseline CPU ms': bare.cpu.toFixed(2),
      'scimmy CPU ms': library.cpu.toFixed(2),
      'hub p99 ms': hubs.p99,
      errors: figures.map(({ errors }) => errors).join(' '),
    })
  }
  console.table(rows)
} finally {
  for (const child of children) child.kill('SIGTERM')
  await new Promise((resolve) => hub.once('exit', resolve))
  await rm(dataDir, { recursive: true, force: true })
}

function user(n) {
  return {
    schemas: [
      'urn:ietf:params:scim:schemas:core:2.0:User',
      'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User',
    ],
    userName: `person.${n}@example.com`,
    externalId: `ext-${n}`,
    displayName: `Person ${n}`,
    active: true,
    name: { givenName: 'Person', familyName: String(n) },
    emails: [{ value: `person.${n}@example.com`, type: 'work', primary: true }],
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': {
      department: 'Sales',
      employeeNumber: String(n),
    },
  }
}

/** case → how to make the n-th request of a side; `made` sees each answer of a create. */
function cases() {
  const patch = (side, n, value) => ({
    method: 'PATCH',
    path: `/Users/${side.ids[n % side.ids.length]}`,
    body: {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [{ op: 'replace', value }],
    },
  })
  return {
    create: (side) => ({ method: 'POST', path: '/Users', body: user(++side.made) }),
    get: (side, n) => ({ method: 'GET', path: `/Users/${side.ids[n % side.ids.length]}` }),
    'filter by userName': (_side, n) => ({
      method: 'GET',
      path: `/Users?filter=${encodeURIComponent(`userName eq "early.${n % 200}@example.com"`)}`,
    }),
    'list of 100': () => ({ method: 'GET', path: '/Users?count=100' }),
    // Each person joins and leaves in turn, so that every request changes something.
    'PATCH one member': (side, n) => {
      const value = side.ids[(n >> 1) % side.ids.length]
      const operation =
        n % 2 === 0
          ? { op: 'add', path: 'members', value: [{ value }] }
          : { op: 'remove', path: `members[value eq "${value}"]` }
      return {
        method: 'PATCH',
        path: `/Groups/${side.groupId}`,
        body: {
          schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
          Operations: [operation],
        },
      }
    },
    'PATCH one attribute': (side, n) => patch(side, n, { displayName: `Changed ${n}` }),
    'deactivate, 5 apps': (side, n) => patch(side, n, { active: false }),
  }
}

/** A group, and enough people that a list has a whole page. */
async function prepare(side) {
  const post = async (path, body) => {
    const response = await fetch(side.base + path, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${side.token}`,
        'content-type': 'application/scim+json',
      },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`${side.name}: ${response.status} ${await response.text()}`)
    return (await response.json()).id
  }
  for (let n = 0; n < 200; n++) {
    side.ids.push(await post('/Users', { ...user(n), userName: `early.${n}@example.com` }))
  }
  side.groupId = await post('/Groups', {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
    displayName: 'Everyone',
  })
}

function isDeactivation(request, side) {
  return request(side, 0).body?.Operations?.[0]?.value?.active === false
}

async function measure(side, request, duration) {
  let n = 0
  let wrong = 0
  const before = await cpuMs(side.pid)
  const prefix = new URL(side.base).pathname.replace(/\/$/, '')
  // No more deactivations than people: a second one would have nothing to do.
  const limit = isDeactivation(request, side)
    ? { amount: Math.min(side.ids.length, 3_000) }
    : { duration }
  const result = await autocannon({
    url: side.base,
    connections,
    ...limit,
    requests: [
      {
        setupRequest: (req) => {
          const made = request(side, n++)
          return {
            ...req,
            method: made.method,
            path: prefix + made.path,
            headers: {
              authorization: `Bearer ${side.token}`,
              'content-type': 'application/scim+json',
            },
            ...(made.body ? { body: JSON.stringify(made.body) } : {}),
          }
        },
        onResponse: (status, body) => {
          if (status >= 300) wrong++
          else if (status === 201) side.ids.push(JSON.parse(body).id)
        },
      },
    ],
  })
  const cpu = (await cpuMs(side.pid)) - before
  const done = result.requests.total
  return {
    rate: done / ((result.finish - result.start) / 1000),
    cpu: cpu / done,
    p99: result.latency.p99,
    errors: wrong + result.errors,
  }
}

/** User and system time of a process, in ms, from the kernel's own accounting. */
async function cpuMs(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

async function until(condition, ms = 60_000) {
  for (
    const end = Date.now() + ms;
    Date.now() < end;
    await new Promise((resolve) => setTimeout(resolve, 50))
  ) {
    if (await condition().catch(() => false)) return
  }
  throw new Error('condition not met in time')
}
