import type { z } from 'zod'
import { HubError } from '../shared/errors.ts'
import type { FieldFault } from './problem.ts'

/**
 * @param at where the value stands: a JSON pointer prefix such as `/config`, or '' for the whole body
 * @throws HubError ERR_INVALID_VALUE with one line per fault; the values themselves are not repeated
 */
export function valid<S extends z.ZodType>(schema: S, value: unknown, at = ''): z.output<S> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw invalid(parsed.error.issues.flatMap((issue) => faultsOf(issue, at)))
}

/** A refusal that names the wrong places. */
export function invalid(errors: readonly FieldFault[]): HubError {
  const shown = errors.slice(0, 20)
  const text = shown.map((e) => `${e.pointer === '' ? 'the body' : e.pointer}: ${e.message}`)
  return new HubError('ERR_INVALID_VALUE', text.join('; '), { details: { errors: shown } })
}

function faultsOf(issue: z.core.$ZodIssue, at: string): FieldFault[] {
  const pointer = at + issue.path.map((step) => `/${escapePointer(String(step))}`).join('')
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      pointer: `${pointer}/${escapePointer(key.slice(0, 64))}`,
      message: 'is not known here',
    }))
  }
  return [{ pointer, message: issue.message }]
}

/** @see RFC 6901 §3 */
const escapePointer = (step: string): string => step.replaceAll('~', '~0').replaceAll('/', '~1')
