import { readFileSync } from 'node:fs'
import type { z } from 'zod'
import { SETTINGS } from './settings.ts'

/** A fault of one variable, beside those that zod finds. */
export type Issue = z.core.$ZodIssue

/** @param message goes on from the name: `must be set` */
export const fault = (name: string, message: string): Issue => ({
  code: 'custom',
  path: [name],
  message,
  input: undefined,
})

/** The known variables that are set, with `*_FILE` variants of secrets read. */
export function readVariables(env: Readonly<Record<string, string | undefined>>): {
  values: Record<string, string>
  issues: Issue[]
} {
  const values: Record<string, string> = {}
  const issues: Issue[] = []
  for (const setting of SETTINGS) {
    const { name } = setting
    const direct = env[name]?.trim()
    if (direct) values[name] = direct
    const file = 'secret' in setting ? env[`${name}_FILE`]?.trim() : undefined
    if (!file) continue
    if (direct) {
      issues.push(fault(`${name}_FILE`, `is set beside ${name}; set one of them`))
      continue
    }
    try {
      const content = readFileSync(file, 'utf8').trim()
      if (content === '') issues.push(fault(`${name}_FILE`, `${file} is empty`))
      else values[name] = content
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      issues.push(fault(`${name}_FILE`, `${file} cannot be read (${code ?? 'unknown reason'})`))
    }
  }
  return { values, issues }
}
