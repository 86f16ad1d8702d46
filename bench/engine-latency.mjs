// From the answer of a SCIM deactivation to the first call onto each application, and to the sealed proof. The web
// process and the worker process are two, so that one must wake the other.
import { revocationsOf } from '../src/storage/revocation-models.ts'
import { inParallel, quantile, sleep } from './engine-parts.mjs'
import { ADMIN_TOKEN, openWorld } from './engine-world.mjs'

const WARM = 30

export async function latency(bench, { rates, seconds }) {
  const world = await openWorld(bench, 'latency')
  const revocations = revocationsOf(world.connection)
  try {
    const web = await world.startHub('web')
    await world.startHub('worker,ledger')
    const scim = await sourceOf(web.origin)
    const counts = [WARM, ...rates.map((rate) => rate * seconds)]
    let next = 0
    const people = await inParallel(
      8,
      Array.from({ length: counts.reduce((a, b) => a + b) }),
      () => {
        next += 1
        return scim.hire(`p${next}`)
      },
    )
    await scim.leave(people.splice(0, WARM), 20)
    await settled(revocations)
    for (const rate of rates) {
      bench.targets.forget()
      const leavers = people.splice(0, rate * seconds)
      const { answered, took } = await scim.leave(leavers, rate)
      await settled(revocations)
      const first = await bench.targets.firstCalls()
      const proven = await revocations
        .find({ userId: { $in: leavers.map(({ id }) => id) } })
        .project({ userId: 1, provenAt: 1 })
        .toArray()
      const toFirst = leavers.flatMap(({ id, name }) =>
        first.map((calls) => (calls.get(name) ?? Number.NaN) - answered.get(id)),
      )
      const toProven = proven.map(({ userId, provenAt }) => provenAt - answered.get(userId))
      const shown = (values) =>
        `p50 ${Math.round(quantile(values, 0.5))} ms, p99 ${Math.round(quantile(values, 0.99))} ms`
      console.log(
        `latency, ${rate} deactivations/s asked for, ${(leavers.length / took).toFixed(1)}/s reached, × ${world.apps.length} apps: to the first call ${shown(toFirst)}; to proven ${shown(toProven)}`,
      )
    }
  } finally {
    await world.close()
  }
}

async function settled(revocations) {
  while ((await revocations.findOne({ open: true }, { projection: { _id: 1 } })) !== null) {
    await sleep(200)
  }
}

async function sourceOf(origin) {
  const created = await fetch(`${origin}/api/v1/sources`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ id: 'bench', name: 'bench', dialect: 'generic' }),
  })
  const { token } = await created.json()
  const send = async (method, path, body) => {
    const answer = await fetch(`${origin}/scim/bench/v2${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
      body: JSON.stringify(body),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return JSON.parse(text)
  }
  return {
    hire: async (name) => {
      const schemas = ['urn:ietf:params:scim:schemas:core:2.0:User']
      const user = { schemas, userName: `${name}@example.com`, active: true }
      return { name, id: (await send('POST', '/Users', user)).id }
    },
    /** Open loop: a slow answer does not slow down the next request. */
    leave: async (people, rate) => {
      const answered = new Map()
      const began = performance.now()
      await Promise.all(
        people.map(async ({ id }, n) => {
          await sleep((n * 1_000) / rate)
          await send('PATCH', `/Users/${id}`, {
            schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
            Operations: [{ op: 'replace', path: 'active', value: false }],
          })
          answered.set(id, Date.now())
        }),
      )
      return { answered, took: (performance.now() - began) / 1_000 }
    },
  }
}
