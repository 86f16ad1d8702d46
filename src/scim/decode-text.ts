import { StringDecoder } from 'node:string_decoder'
import { nextTurn } from '../shared/turns.ts'

/** Bytes that are decoded in one go: about two milliseconds. */
const SLICE_BYTES = 524_288

/** `toString('utf8')` for many megabytes, slice by slice, so that nobody else waits for all of it. */
export async function decodeText(bytes: Buffer, sliceBytes = SLICE_BYTES): Promise<string> {
  if (bytes.length <= sliceBytes) return bytes.toString('utf8')
  const decoder = new StringDecoder('utf8')
  const parts: string[] = []
  for (let from = 0; from < bytes.length; from += sliceBytes) {
    // A character that ends in the next slice is kept until then.
    parts.push(decoder.write(bytes.subarray(from, from + sliceBytes)))
    await nextTurn()
  }
  parts.push(decoder.end())
  return parts.join('')
}
