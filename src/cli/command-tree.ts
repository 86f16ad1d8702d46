import type { Argument, Command } from 'commander'

/** A command as documentation and shell completion see it. */
export interface CommandNode {
  /** Words behind `quittance`; none for the program itself. */
  path: readonly string[]
  /** `<id> [person]` */
  args: string
  about: string
  aliases: readonly string[]
  options: readonly { flags: string; long: string; about: string; default?: string }[]
  /** What its help says beneath the options. */
  more: string
  children: readonly CommandNode[]
}

/** The one table of commands is the program itself; this reads it. */
export function commandTree(command: Command, path: readonly string[] = []): CommandNode {
  return {
    path,
    args: command.registeredArguments.map(argument).join(' '),
    about: command.description(),
    aliases: command.aliases(),
    options: command.options.map(({ flags, long, description, defaultValue }) => ({
      flags,
      long: long ?? flags,
      about: description,
      ...(defaultValue === undefined || String(defaultValue) === ''
        ? {}
        : { default: String(defaultValue) }),
    })),
    more: textBehindHelp(command),
    children: command.commands.map((child) => commandTree(child, [...path, child.name()])),
  }
}

function argument(one: Argument): string {
  const text = `${one.name()}${one.variadic ? '...' : ''}`
  return one.required ? `<${text}>` : `[${text}]`
}

/** Every command that can be run, in the order of the help. */
export function leaves(node: CommandNode): CommandNode[] {
  const own = node.children.length === 0 || (node.path.length > 0 && node.options.length > 0)
  return [...(own ? [node] : []), ...node.children.flatMap(leaves)]
}

function textBehindHelp(command: Command): string {
  const pieces: string[] = []
  const before = command.configureOutput()
  command.configureOutput({ ...before, writeOut: (text) => pieces.push(text) })
  command.outputHelp()
  command.configureOutput(before)
  return pieces.slice(1).join('').trim()
}
