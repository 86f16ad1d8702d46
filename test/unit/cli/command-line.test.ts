import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ROLES } from '../../../src/auth/principal.ts'
import { withCommandReference } from '../../../src/cli/command-reference.ts'
import { type CommandNode, commandTree, leaves } from '../../../src/cli/command-tree.ts'
import { completionScript } from '../../../src/cli/completion.ts'
import { createProgram } from '../../../src/cli/program.ts'
import { createProgress } from '../../../src/cli/progress.ts'
import { VERSION } from '../../../src/version.ts'

const program = () =>
  createProgram(() => {
    throw new Error('no command is run here')
  })
const tree = commandTree(program())
const all = leaves(tree)
const nameOf = ({ path }: CommandNode): string => path.join(' ')

test('docs/cli.md, compared with the commands, is what they say', () => {
  const document = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8')
  expect(withCommandReference(document, tree)).toBe(document)
  const [first, ...rest] = tree.children
  const other = { ...tree, children: [{ ...first!, about: 'something else' }, ...rest] }
  expect(withCommandReference(document, other)).not.toBe(document)
})

test('commands, each that answers something, takes --json', () => {
  const without = all.filter(({ options }) => !options.some(({ long }) => long === '--json'))
  // These start a hub, write a folder, or write a script.
  expect(without.map(nameOf)).toEqual(['start', 'connectors new', 'completion'])
})

test.each([
  [['offboard', 'now', 'okta'], "missing required argument 'user'"],
  [['users', 'status'], "missing required argument 'name'"],
  [['backup'], "required option '--out <file>' not specified"],
  [['offbord'], 'Did you mean offboard'],
  [['alerts', 'list', '--max', 'ten'], 'a whole number from 1'],
])('command line %s, not understood, says what is wrong', async (args, words) => {
  const one = program()
  let text = ''
  const quiet = (command: typeof one): void => {
    command.configureOutput({ writeErr: (part) => (text += part) })
    for (const child of command.commands) quiet(child as typeof one)
  }
  quiet(one)
  await expect(one.parseAsync(args, { from: 'user' })).rejects.toMatchObject({ exitCode: 1 })
  expect(text).toContain(words)
})

test('tokens create, its help, names every role that the API knows', () => {
  const create = all.find((node) => nameOf(node) === 'tokens create')
  const role = create?.options.find(({ long }) => long === '--role')
  for (const one of ROLES) expect(role?.about).toContain(one)
})

test('--version, asked of the program, is that of the package', async () => {
  const one = program()
  let text = ''
  one.configureOutput({ writeOut: (part) => (text += part) })
  await expect(one.parseAsync(['--version'], { from: 'user' })).rejects.toMatchObject({
    exitCode: 0,
  })
  expect(text).toBe(`${VERSION}\n`)
})

const completed = (...words: string[]): string[] =>
  execFileSync(
    'bash',
    [
      '--norc',
      '-c',
      `eval "$SCRIPT"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _quittance; printf '%s\\n' "\${COMPREPLY[@]}"`,
      'bash',
      'quittance',
      ...words,
    ],
    {
      env: { PATH: process.env['PATH'], SCRIPT: completionScript(tree, 'bash') },
      encoding: 'utf8',
    },
  )
    .split('\n')
    .filter(Boolean)

test('bash completion, a begun command, offers what fits there', () => {
  expect(completed('offb')).toEqual(['offboard', 'offboardings'])
  expect(completed('sources', 'new')).toEqual(['new-token', 'new-client-secret'])
  // Options and ids between do not mislead it.
  expect(completed('sources', '--json', 'show', 'list', '--')).toEqual(['--json', '--help'])
  expect(completed('revocations', 'list', '--over')).toEqual(['--overdue'])
})

test.each(['bash', 'zsh', 'fish'] as const)('%s completion, all commands, are in it', (shell) => {
  const script = completionScript(tree, shell)
  for (const node of all) expect(script).toContain(` ${nameOf(node)}`)
})

test('progress, a terminal, shows one line and takes it away; anything else sees nothing', () => {
  let text = ''
  const write = (part: string) => (text += part)
  const watched = createProgress({ isTTY: true, columns: 30, write })
  watched.show('users', 0.5)
  expect(text).toBe('\r\u001b[2K[############............] us')
  watched.done()
  expect(text.endsWith('\r\u001b[2K')).toBe(true)
  text = ''
  createProgress({ isTTY: false, write }).show('users', 0.5)
  expect(text).toBe('')
})
