import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import type { Connection } from 'mongoose'
import { createSourceAuthenticator } from '../../src/auth/create-source-authenticator.ts'
import type { SourceDialect } from '../../src/auth/source-authenticator.ts'
import { newToken } from '../../src/auth/tokens.ts'
import type { ExtensionDefinition } from '../../src/scim/extension.ts'
import { createScimRouter } from '../../src/scim/router.ts'
import { systemClock } from '../../src/shared/clock.ts'
import { newId } from '../../src/shared/ids.ts'
import { createSourceStore, prepareSources } from '../../src/storage/source-store.ts'
import { intakeOn } from '../support/intake.ts'

export interface Answer {
  status: number
  headers: Headers
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
  json: any
}

/** The SCIM room on the real intake and storage, over HTTP. */
export async function scimServer(
  connection: Connection,
  options: { budgetMs?: number; extensions?: readonly ExtensionDefinition[] } = {},
) {
  await prepareSources(connection)
  const intake = await intakeOn(connection)
  const sources = createSourceStore(connection)
  const logged: { level: string; fields: object; message: string }[] = []
  const log = (level: string) => (fields: object, message: string) => {
    logged.push({ level, fields, message })
  }
  const app = express()
  app.use(
    '/scim',
    createScimRouter({
      directory: intake.directory,
      store: intake.store,
      authenticator: createSourceAuthenticator({
        sources,
        clock: systemClock,
        onTouchFailed: () => {},
      }),
      clock: systemClock,
      newId,
      ...(options.extensions === undefined ? {} : { extensions: options.extensions }),
      budgetMs: options.budgetMs ?? 8_000,
      log: { error: log('error'), warn: log('warn') } as never,
    }),
  )
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  return {
    origin,
    intake,
    logged,
    /** A new, empty source. */
    source: async (
      id: string,
      dialect: SourceDialect = 'generic',
      token: { expiresAt?: number } = {},
    ) => {
      const secret = newToken('scim')
      await sources.insert({
        id,
        name: id,
        dialect,
        tokens: [{ id: newId(), hash: secret.hash, prefix: secret.prefix, createdAt: 0, ...token }],
        createdAt: 0,
        version: 1,
      })
      return createClient(`${origin}/scim/${id}/v2`, secret.token)
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export type Client = ReturnType<typeof createClient>

export function createClient(base: string, token: string) {
  const send = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> => {
    const sent = new Headers({ authorization: `Bearer ${token}` })
    if (body !== undefined) sent.set('content-type', 'application/scim+json')
    for (const [name, value] of Object.entries(headers)) sent.set(name, value)
    const response = await fetch(path.startsWith('http') ? path : base + path, {
      method,
      redirect: 'manual',
      headers: sent,
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    let json: unknown
    try {
      json = JSON.parse(text)
    } catch {
      json = undefined
    }
    return { status: response.status, headers: response.headers, text, json }
  }
  const created = async (path: string, body: object): Promise<string> => {
    const answer = await send('POST', path, body)
    if (answer.status !== 201) throw new Error(`POST ${path}: ${answer.status} ${answer.text}`)
    return answer.json.id
  }
  return {
    base,
    token,
    send,
    user: (userName: string, more: object = {}) =>
      created('/Users', {
        schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
        userName,
        ...more,
      }),
    group: (displayName: string, members: readonly string[] = []) =>
      created('/Groups', {
        schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
        displayName,
        members: members.map((value) => ({ value })),
      }),
    patch: (path: string, ...Operations: object[]) =>
      send('PATCH', path, {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
        Operations,
      }),
    get: (path: string) => send('GET', path),
    filter: (endpoint: string, filter: string) =>
      send('GET', `${endpoint}?filter=${encodeURIComponent(filter)}`),
  }
}
