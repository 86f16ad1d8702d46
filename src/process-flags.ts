/**
 * Flags of Node.js that a compiled hub runs with. Its young objects get room from the start: V8 would
 * shrink that to 1 MiB while a hub idles, and clean it up every few seconds, however little there is to do.
 */
export const PROCESS_FLAGS = [
  '--disable-proto=delete',
  '--enable-source-maps',
  '--min-semi-space-size=16',
  '--max-semi-space-size=64',
] as const
