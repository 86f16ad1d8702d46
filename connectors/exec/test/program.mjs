// A connector program: accounts in a JSON file, whose path comes in the settings.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'

const order = JSON.parse(await text(process.stdin))
const { op, subject = {}, id, credential, secrets } = order
const trick = `${order.settings.file}.trick`
const settings = {
  ...order.settings,
  ...(existsSync(trick) ? JSON.parse(readFileSync(trick, 'utf8')) : {}),
}
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`)
const accounts = JSON.parse(readFileSync(settings.file, 'utf8'))
const save = () => writeFileSync(settings.file, JSON.stringify(accounts))
const shown = ({ id, userName, externalId, active }) => {
  return { id, userName, externalId, state: active ? 'live' : 'dead' }
}
const account = accounts.find((one) => one.id === id)

console.error(`called with ${secrets.secret}`)
switch (settings.mode) {
  case 'hang':
    setInterval(() => {}, 1_000)
    process.on('SIGTERM', () => {})
    await new Promise(() => {})
    break
  case 'flood':
    process.stdout.write('x'.repeat(3_000_000))
    break
  case 'exit':
    process.exit(settings.code)
    break
  case 'nonsense':
    process.stdout.write('hello\n')
    process.exit(0)
}
if (op === 'test') say({ checks: [{ name: 'account.revoke', ok: true, detail: 'not tried' }] })
else if (op === 'find' && settings.mode === 'unfiltered') say({ accounts: accounts.map(shown) })
else if (op === 'find') {
  const { userName, externalId } = subject
  const isSame = (one) =>
    one.userName.toLowerCase() === userName.toLowerCase() || one.externalId === externalId
  say({ accounts: accounts.filter(isSame).map(shown) })
} else if (op === 'list') say({ accounts: accounts.map(shown), next: settings.next })
else if (op === 'observe') {
  say({ state: account === undefined ? 'absent' : account.active ? 'live' : 'dead' })
} else if (credential === 'witness') {
  say({ fault: 'forbidden', message: 'read only', effect: 'none' })
} else if (account === undefined) {
  say({ fault: 'gone', message: 'no such account', effect: 'none' })
} else if (settings.mode === 'lie') say({ result: 'done' })
else {
  const active = op === 'restore'
  const result = account.active === active ? 'already' : 'done'
  account.active = active
  save()
  say({ result, undo: { active: true } })
}
