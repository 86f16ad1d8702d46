// Writes the commands of docs/cli.md (between the `commands` marks) from the program itself.
import { readFileSync, writeFileSync } from 'node:fs'
import { withCommandReference } from '../src/cli/command-reference.ts'
import { commandTree } from '../src/cli/command-tree.ts'
import { createProgram } from '../src/cli/program.ts'

const program = createProgram(() => {
  throw new Error('no command is run here')
})
const file = 'docs/cli.md'
writeFileSync(file, withCommandReference(readFileSync(file, 'utf8'), commandTree(program)))
