import { Argument, type Command } from 'commander'
import { assertNever } from '../shared/assert-never.ts'
import { type CommandNode, commandTree } from './command-tree.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

/** Adds `quittance completion`. To be called last: it completes what is there then. */
export function registerCompletion(program: Command): void {
  program
    .command('completion')
    .description('print a script that completes commands and options in your shell')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .addHelpText(
      'after',
      '\nbash: source <(quittance completion bash)     in ~/.bashrc' +
        '\nzsh:  source <(quittance completion zsh)      in ~/.zshrc, behind compinit' +
        '\nfish: quittance completion fish > ~/.config/fish/completions/quittance.fish',
    )
    .action((shell: Shell) => {
      process.stdout.write(completionScript(commandTree(program), shell))
    })
}

/** The script for a shell. It starts no process at a key press: all words are in it. */
export function completionScript(tree: CommandNode, shell: Shell): string {
  switch (shell) {
    case 'bash':
      return bash(tree)
    case 'zsh':
      return zsh(tree)
    case 'fish':
      return fish(tree)
    default:
      return assertNever(shell)
  }
}

/** All nodes, the program first. */
function nodes(node: CommandNode): CommandNode[] {
  return [node, ...node.children.flatMap(nodes)]
}

/** What may follow a node: its commands, and its options when it can be run. */
const wordsOf = ({ children, options }: CommandNode): string[] => [
  ...children.flatMap((child) => [child.path.at(-1) ?? '', ...child.aliases]),
  ...options.map(({ long }) => long),
  '--help',
]

/** Shell patterns of the paths that have something behind them, and of every path. */
const pathOf = ({ path }: CommandNode): string => path.map((word) => ` ${word}`).join('')

/** Walks the words typed so far; what is no command (an id, an option) is skipped. */
const walk = (tree: CommandNode, words: string): string =>
  `  local at="" word
  for word in ${words}; do
    case "$at $word" in
      ${nodes(tree)
        .slice(1)
        .map((node) => `"${pathOf(node)}"`)
        .join('|')}) at="$at $word" ;;
    esac
  done`

const table = (tree: CommandNode): string =>
  nodes(tree)
    .map((node) => `    "${pathOf(node)}") words="${wordsOf(node).join(' ')}" ;;`)
    .join('\n')

const bash = (tree: CommandNode): string => `# bash completion of quittance
_quittance() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" words=""
${walk(tree, `"\${COMP_WORDS[@]:1:COMP_CWORD-1}"`)}
  case "$at" in
${table(tree)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _quittance quittance
`

const zsh = (tree: CommandNode): string => `#compdef quittance
_quittance() {
  local words_typed=("\${(@)words[2,CURRENT-1]}") words=""
${walk(tree, `"\${words_typed[@]}"`)}
  case "$at" in
${table(tree)}
  esac
  compadd -- \${=words}
  _files
}
compdef _quittance quittance
`

const fish = (tree: CommandNode): string =>
  `# fish completion of quittance
function __quittance_at
  set -l at ''
  for word in (commandline -opc)[2..-1]
    switch "$at $word"
      case ${nodes(tree)
        .slice(1)
        .map((node) => `'${pathOf(node)}'`)
        .join(' ')}
        set at "$at $word"
    end
  end
  test "$at" = "$argv[1]"
end
${nodes(tree)
  .flatMap((node) => {
    const here = `complete -c quittance -n "__quittance_at '${pathOf(node)}'"`
    return [
      ...node.children.map(
        (child) => `${here} -f -a ${child.path.at(-1)} -d ${quoted(child.about)}`,
      ),
      ...node.options.map(
        ({ long, about, flags }) =>
          `${here} -l ${long.slice(2)}${flags.includes('<') ? ' -r' : ''} -d ${quoted(about)}`,
      ),
    ]
  })
  .join('\n')}
`

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
