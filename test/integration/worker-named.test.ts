import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Connector, Observation } from '../../src/connector-sdk/contract.ts'
import { createLaneDesk } from '../../src/revocation/lane-desk.ts'
import type { AppRecord } from '../../src/revocation/types.ts'
import { freshDatabase } from '../support/database.ts'
import { type Engine, engineOn } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { startTarget, type Target, targetConnector } from '../support/targets.ts'

let database: Awaited<ReturnType<typeof freshDatabase>>
let engine: Engine
let target: Target
let app: AppRecord

beforeEach(async () => {
  database = await freshDatabase()
  target = await startTarget({ 'decoy-9': { userName: 'colleague@example.com', active: false } })
  const connector = targetConnector() as Connector
  const observe: Connector['observe'] = async (handle, call): Promise<Observation> => {
    const userName = target.accounts.get(handle.id)?.userName
    const seen = await connector.observe(handle, call)
    return userName === undefined ? seen : { ...seen, keys: { userName } }
  }
  engine = await engineOn(database.connection, {
    connectors: new Map([['target', { ...connector, observe }]]),
  })
  app = await engine.register(target)
})

afterEach(async () => {
  await engine.close()
  await target.close()
  await database.dispose()
})

/** A person says which account it is. */
const name = async (userId: string, handleId: string): Promise<void> => {
  const { lanes, clock } = engine
  const desk = createLaneDesk({ lanes, clock, onChanged: () => {} })
  const key = { sourceId: 'okta', userId, appId: app.id }
  await engine.transactor.transaction((tx) => desk.bind(key, { handleId, facets: ['account'] }, tx))
}

const ended = (userId: string) =>
  eventually('a proof or a person', async () => {
    const [newest] = await engine.of(userId)
    return newest !== undefined && ['proven', 'human'].includes(newest.state) && newest
  })

const ambiguous = { state: 'human', reason: 'ambiguous-match' }

test('worker, a dead account of somebody else that was named, proves nothing of the account that lives', async () => {
  target.accounts.set('d1', { userName: 'dana@example.com', active: true })
  const dana = await engine.hire('dana@example.com')
  await name(dana, 'decoy-9')
  await engine.setActive(dana, false)
  engine.startWorker()
  expect(await ended(dana)).toMatchObject(ambiguous)
})

test('worker, a dead account that was named and fits by nothing, proves nothing until it was seen live', async () => {
  target.accounts.set('d1', { userName: 'd', active: true })
  const dana = await engine.hire('dana@example.com')
  await name(dana, 'decoy-9')
  await engine.setActive(dana, false)
  engine.startWorker()
  expect(await ended(dana)).toMatchObject(ambiguous)
  await name(dana, 'd1')
  await eventually('a proof', async () => (await ended(dana)).state === 'proven')
  expect(target.writes).toMatchObject([{ id: 'd1', active: false }])
})

test('worker, an account that was named and is not there, proves nothing', async () => {
  const dana = await engine.hire('dana@example.com')
  await name(dana, 'mistyped')
  await engine.setActive(dana, false)
  engine.startWorker()
  expect(await ended(dana)).toMatchObject({ state: 'human', reason: 'no-account-found' })
})

test('worker, a live account that was named and is a colleague’s, is left alone', async () => {
  await engine.hire('colleague@example.com')
  target.accounts.set('decoy-9', { userName: 'colleague@example.com', active: true })
  const dana = await engine.hire('dana@example.com')
  await name(dana, 'decoy-9')
  await engine.setActive(dana, false)
  engine.startWorker()
  expect(await ended(dana)).toMatchObject(ambiguous)
  expect(target.writes).toEqual([])
})

test('worker, one of two accounts that fit, is taken once a person has named it', async () => {
  target.accounts.set('d1', { userName: 'dana@example.com', active: false })
  target.accounts.set('d2', { userName: 'Dana@example.com', active: true })
  const dana = await engine.hire('dana@example.com')
  await engine.setActive(dana, false)
  engine.startWorker()
  expect(await ended(dana)).toMatchObject(ambiguous)
  await name(dana, 'd2')
  await eventually('a proof', async () => (await ended(dana)).state === 'proven')
  expect(target.accounts.get('d2')?.active).toBe(false)
  const { index } = (await ended(dana)).entry ?? { index: -1 }
  const { body } = JSON.parse((await engine.ledger.store.entry(index))?.leaf.toString() ?? '')
  expect(body).toMatchObject({ type: 'revocation.verified', named_by: 'person' })
})

test('worker, an account named before the person came back, is no choice among those of today', async () => {
  target.accounts.set('d1', { userName: 'dana@example.com', active: true })
  const dana = await engine.hire('dana@example.com')
  await name(dana, 'd1')
  engine.startWorker()
  await engine.setActive(dana, false)
  await eventually('a proof', async () => (await ended(dana)).state === 'proven')
  await engine.setActive(dana, true)
  await eventually('put back', () => target.accounts.get('d1')?.active === true)
  target.accounts.set('d1', { userName: 'dana@example.com', active: false })
  target.accounts.set('d2', { userName: 'dana@example.com', active: true })
  await engine.setActive(dana, false)
  await eventually('a person is asked', async () => {
    const found = (await engine.of(dana)).find(({ generation }) => generation === 3)
    return found?.state === 'human' && found.reason === 'ambiguous-match'
  })
  await name(dana, 'd2')
  await eventually('d2 is dead', () => target.accounts.get('d2')?.active === false)
})
