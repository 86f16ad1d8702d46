import { type CommandNode, leaves } from './command-tree.ts'

const BEGIN = '<!-- commands -->'
const END = '<!-- /commands -->'

/** All commands as Markdown, one heading each. */
export function commandReference(tree: CommandNode): string {
  return leaves(tree).map(section).join('\n\n')
}

function section({ path, args, about, aliases, options, more }: CommandNode): string {
  const name = ['quittance', ...path].join(' ')
  const named = aliases.length === 0 ? '' : ` Also: \`${aliases.join('`, `')}\`.`
  const rows = options
    .filter(({ long }) => long !== '--json')
    .map((o) => {
      const otherwise = o.default === undefined ? '' : ` (default ${o.default})`
      return `| \`${cell(o.flags)}\` | ${cell(o.about)}${cell(otherwise)} |`
    })
  return [
    `### ${name}`,
    `\`${`${name} ${args}`.trim()}\`: ${about}.${named}`.replace('?.', '?').replace(/\.\.$/, '.'),
    ...(rows.length === 0 ? [] : [['| Option | Meaning |', '|---|---|', ...rows].join('\n')]),
    ...(more === '' ? [] : [`\`\`\`text\n${more}\n\`\`\``]),
  ].join('\n\n')
}

const cell = (text: string): string => text.replaceAll('|', '\\|')

/**
 * A document with the commands of today between its `commands` marks.
 *
 * @throws RangeError when the document has no such marks
 */
export function withCommandReference(document: string, tree: CommandNode): string {
  const begin = document.indexOf(BEGIN)
  const end = document.indexOf(END, begin)
  if (begin < 0 || end < 0) throw new RangeError(`the document has no ${BEGIN} … ${END}`)
  return `${document.slice(0, begin + BEGIN.length)}\n\n${commandReference(tree)}\n\n${document.slice(end)}`
}
