import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Connector } from '../../src/connector-sdk/contract.ts'
import { connect } from '../../src/storage/connection.ts'
import { engineOn } from './engine.ts'
import { targetConnector } from './targets.ts'

/** What a worker in a process of its own must know. */
interface Orders {
  uri: string
  dbName: string
  masterKey: string
  directory: string
  leaseMs: number
}

export interface WorkerProcess {
  pid: number
  /** SIGKILL, SIGSTOP, SIGCONT, SIGTERM. */
  signal(name: NodeJS.Signals): void
  /** Resolves when it is gone, with its exit code. */
  ended: Promise<number | null>
}

/** Starts a worker that can be killed and frozen; resolves when it has begun to work. */
export async function startWorkerProcess(
  orders: Omit<Orders, 'masterKey'> & { masterKey: Buffer },
): Promise<WorkerProcess> {
  const child: ChildProcess = spawn(
    process.execPath,
    ['--conditions=hub-source', '--import', 'tsx', fileURLToPath(import.meta.url)],
    {
      env: {
        ...process.env,
        WORKER_ORDERS: JSON.stringify({ ...orders, masterKey: orders.masterKey.toString('hex') }),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const ended = once(child, 'exit').then(([code]) => code as number | null)
  const { stdout, pid } = child
  if (stdout === null || pid === undefined) throw new Error('the worker did not start')
  const ready = once(createInterface({ input: stdout }), 'line')
  await Promise.race([ready, ended.then((code) => Promise.reject(new Error(`ended: ${code}`)))])
  return { pid, signal: (name) => void child.kill(name), ended }
}

const given = process.env['WORKER_ORDERS']
if (given !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) {
  const { uri, dbName, masterKey, directory, leaseMs } = JSON.parse(given) as Orders
  const connection = await connect(uri, dbName)
  const engine = await engineOn(connection, {
    connectors: new Map([['target', targetConnector() as Connector]]),
    leaseMs,
    beside: { masterKey: Buffer.from(masterKey, 'hex'), directory },
  })
  const worker = engine.startWorker(`process ${process.pid}`)
  process.on('SIGTERM', () => {
    void worker.stop().then(() => process.exit(0))
  })
  process.stdout.write('working\n')
}
