import { readFile } from 'node:fs/promises'
import { CliError } from './api-client.ts'

/** The text of a file, or of standard input for `-`. @throws CliError when it cannot be read */
export async function readText(file: string): Promise<string> {
  try {
    if (file !== '-') return await readFile(file, 'utf8')
    const chunks: Buffer[] = []
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks).toString('utf8')
  } catch (error) {
    throw new CliError(`${file} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

/** The same as JSON. @throws CliError */
export async function readJson(file: string): Promise<unknown> {
  const text = await readText(file)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new CliError(`${file} cannot be read as JSON: ${(error as Error).message}`, {
      cause: error,
    })
  }
}
