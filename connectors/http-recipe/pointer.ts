/**
 * What a JSON pointer leads to; undefined when there is nothing.
 *
 * @param pointer '' for the whole value, else `/a/0/b`
 * @see RFC 6901
 */
export function valueAt(value: unknown, pointer: string): unknown {
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((node, token) => {
      if (typeof node !== 'object' || node === null || !Object.hasOwn(node, token)) return undefined
      return (node as Record<string, unknown>)[token]
    }, value)
}
