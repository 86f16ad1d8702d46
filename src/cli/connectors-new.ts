import { existsSync } from 'node:fs'
import { mkdir, realpath, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { CliError } from './api-client.ts'
import { API, CONFIG, INDEX } from './connector-template/code.ts'
import {
  KIT_TEST,
  PACKAGE,
  README,
  TSCONFIG,
  VITEST_CONFIG,
  WORLD,
} from './connector-template/rest.ts'

/** By path within the folder. */
const FILES: Readonly<Record<string, string>> = {
  'package.json': PACKAGE,
  'tsconfig.json': TSCONFIG,
  'vitest.config.ts': VITEST_CONFIG,
  'README.md': README,
  'index.ts': INDEX,
  'api.ts': API,
  'config.ts': CONFIG,
  'test/world.ts': WORLD,
  'test/kit.test.ts': KIT_TEST,
}

/**
 * Writes a new connector that passes the kit, as an npm package of its own.
 *
 * @param name becomes the connector's id: small letters, digits and hyphens
 * @returns the absolute path of the folder
 * @throws CliError when the name will not do or the folder exists
 */
export async function writeConnector(name: string, parent: string): Promise<string> {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
    throw new CliError('the name has small letters, digits and hyphens, and begins with a letter')
  }
  const folder = resolve(parent, `quittance-connector-${name}`)
  try {
    await mkdir(folder)
  } catch (error) {
    throw new CliError(`${folder} cannot be made: ${(error as Error).message}`, { cause: error })
  }
  // The hub is on no registry: whoever took its name there would run code at every author's.
  const hub = relative(await realpath(folder), hubFolder())
  for (const [path, content] of Object.entries(FILES)) {
    const file = join(folder, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content.replaceAll('NAME', name).replaceAll('HUB', hub))
  }
  return folder
}

/** The folder of this hub: two higher, or three in the compiled tree. */
function hubFolder(): string {
  const here = ['../..', '../../..'].map((up) => fileURLToPath(new URL(up, import.meta.url)))
  return here.find((folder) => existsSync(join(folder, 'package.json'))) ?? ''
}

/** Adds `quittance connectors new <name>`. To be called after `connectors` itself is there. */
export function registerConnectorsNew(program: Command): void {
  const connectors =
    program.commands.find((one) => one.name() === 'connectors') ?? program.command('connectors')
  connectors
    .command('new <name>')
    .description('write a new connector, with an application to test it on; needs no hub')
    .option('--in <folder>', 'where its folder is made', '.')
    .action(async (name: string, { in: parent }: { in: string }) => {
      const folder = await writeConnector(name, parent)
      process.stdout.write(
        `Wrote ${folder}.\nIts README.md says how to go on; docs/connectors.md has the whole story.\n`,
      )
    })
}
