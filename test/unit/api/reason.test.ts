import { expect, test } from 'vitest'
import { reasonField } from '../../../src/api/revocation-acts.ts'

test('reason of an act, too short, is told how long it must be', () => {
  const told = reasonField.safeParse(' r ').error?.issues.map(({ message }) => message)
  expect(told).toEqual(['must have at least 3 characters: say why'])
  expect(reasonField.parse(' why ')).toBe('why')
})
