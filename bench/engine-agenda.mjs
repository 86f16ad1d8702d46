// agenda beside it, as a yardstick: jobs that do nothing, on the same MongoDB. It joins no transaction, keeps no order
// and proves nothing.
import { MongoBackend } from '@agendajs/mongo-backend'
import { Agenda } from 'agenda'
import { connect } from '../src/storage/connection.ts'
import { inParallel } from './engine-parts.mjs'

export async function agendaRate({ mongod }, { jobs }) {
  const connection = await connect(mongod.uri, 'agenda')
  const agenda = new Agenda({
    backend: new MongoBackend({ mongo: connection.getClient().db('agenda') }),
    processEvery: 100,
    maxConcurrency: 64,
    defaultConcurrency: 64,
  })
  let done = 0
  let finish
  const finished = new Promise((resolve) => {
    finish = resolve
  })
  agenda.define('nothing', () => {
    done += 1
    if (done === jobs) finish()
  })
  await agenda.ready
  await inParallel(16, Array.from({ length: jobs }), () => agenda.now('nothing', {}))
  const began = performance.now()
  await agenda.start()
  await finished
  const seconds = (performance.now() - began) / 1_000
  console.log(`agenda: ${Math.round(jobs / seconds)} no-op jobs/s`)
  await agenda.stop()
  await connection.dropDatabase()
  await connection.close()
}
