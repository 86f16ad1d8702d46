import { type Check, type Facet, isConnectorError } from './contract.ts'

/** Runs one line of a connection test: a ConnectorError makes it fail, with its fault and sentence as the detail. */
export async function check(name: string, work: () => Promise<string>): Promise<Check> {
  try {
    return { name, ok: true, detail: await work() }
  } catch (error) {
    if (!isConnectorError(error)) throw error
    return { name, ok: false, detail: `${error.fault}: ${error.message}` }
  }
}

/** The line of a connection test about what only a revocation can show. */
export function notTried(facet: Facet): Check {
  return { name: `${facet}.revoke`, ok: true, detail: 'not tried: a test writes nothing' }
}
