import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Edge, laneStates, withDiagrams } from '../../../scripts/lane-states.ts'

const states = laneStates()

/** Events that lead into a state from another one. */
const into = (ways: readonly Edge[], state: string): string[] =>
  [...new Set(ways.filter(({ to }) => to === state).flatMap(({ events }) => [...events]))].sort()

test('lane, in every state that it can reach, is leased by a claim alone', () => {
  expect(into(states.lane, 'leased')).toEqual(['claimed'])
})

test('unit, in every state that its lane can reach, is verified by a judgement alone', () => {
  expect(into(states.unit, 'verified')).toEqual(['judged'])
  expect(states.unit.filter(({ from }) => from === 'verified')).toEqual([])
})

test('unit, in every state that its lane can reach, acts and settles only by what was sent and answered', () => {
  expect(into(states.unit, 'acting')).toEqual(['sent'])
  expect(into(states.unit, 'settling')).toEqual(['acked'])
})

test('unit, in every state that its lane can reach, leaves the case only waived or superseded', () => {
  expect(into(states.unit, '[*]')).toEqual(['dropped'])
})

test('docs/engine.md, drawn anew, is the same', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/engine.md'), 'utf8')
  expect(withDiagrams(page, states), 'npm run docs:states').toBe(page)
})
