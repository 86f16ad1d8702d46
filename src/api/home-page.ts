import type { Request, Response } from 'express'
import { HubError } from '../shared/errors.ts'
import { PAGE_POLICY, PAGE_STYLE } from './page.ts'

const PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Quittance</title><style>${PAGE_STYLE}</style></head><body>
<h1>Quittance</h1>
<p>This hub runs. It has no user interface: people and programs use its API, or the command line <code>quittance</code>.</p>
<ul>
<li><a href="api/v1/docs">The API, to read</a>, and as <a href="api/v1/openapi.json">OpenAPI</a></li>
<li><a href="readyz">Is it ready?</a></li>
</ul>
</body></html>
`

/** `GET /`: for whoever opens the printed address in a browser. */
export function homePage(_request: Request, response: Response): void {
  response.setHeader('Content-Security-Policy', PAGE_POLICY)
  response.setHeader('X-Content-Type-Options', 'nosniff')
  response.setHeader('Content-Type', 'text/html; charset=utf-8')
  response.end(PAGE)
}

/** For every path that nobody serves. Mount it after all routers. @throws HubError ERR_NOT_FOUND */
export function unknownPath(): never {
  throw new HubError('ERR_NOT_FOUND', 'there is no such resource')
}
