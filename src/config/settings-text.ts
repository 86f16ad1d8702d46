import { SETTINGS, type Setting } from './settings.ts'

const BEGIN = '<!-- settings -->'
const END = '<!-- /settings -->'

/** The settings as a Markdown table. */
export function settingsTable(settings: readonly Setting[] = SETTINGS): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|')
  const rows = settings.map(
    (s) =>
      `| \`${s.name}\`${s.secret ? ` or \`${s.name}_FILE\`` : ''} | ${cell(s.default ?? '')} | ${cell(s.description)} |`,
  )
  return ['| Variable | Default | Meaning |', '|---|---|---|', ...rows].join('\n')
}

/**
 * A document with the table of today between its `settings` marks.
 *
 * @throws RangeError when the document has no such marks
 */
export function withSettingsTable(document: string): string {
  const begin = document.indexOf(BEGIN)
  const end = document.indexOf(END, begin)
  if (begin < 0 || end < 0) throw new RangeError(`the document has no ${BEGIN} … ${END}`)
  return `${document.slice(0, begin + BEGIN.length)}\n\n${settingsTable()}\n\n${document.slice(end)}`
}

/** Defaults that are said in words: typed as a value, they would be refused. */
const WORDS = ['none', 'embedded', 'AWS', 'http://HOST:PORT']

const HEAD = `# Quittance reads its configuration from the environment. Everything has a working default:
# \`npm start\` needs none of this. An empty variable counts as unset. A secret can also be given as
# <NAME>_FILE, the path of a file that holds it.
#
# Nothing reads this file by itself. Copy it to .env, set what you need, then: set -a; . ./.env; set +a; npm start
`

/** The text of .env.example: every variable, commented out, with its meaning and default. */
export function envExample(settings: readonly Setting[] = SETTINGS): string {
  const blocks = settings.map((s) => {
    const value =
      WORDS.includes(s.default ?? '') || !/^[\w./:-]+$/.test(s.default ?? '') ? '' : s.default
    return [
      ...wrapped(`${s.description}${value === '' ? ` Default: ${s.default}.` : ''}`),
      `#${s.name}=${value}`,
    ].join('\n')
  })
  return `${[HEAD.trimEnd(), ...blocks].join('\n\n')}\n`
}

/** Comment lines of at most 100 characters. */
function wrapped(text: string): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + word.length < 99)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(`# ${word}`)
  }
  return lines
}
