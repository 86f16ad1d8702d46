// Requests as they are on the wire: paths, methods, headers. `{id}` is a user, `{group}` a group, both of version 1.
import { PATCH, USER } from './scim-forms.ts'

export interface HttpForm {
  name: string
  request: readonly [method: string, path: string, body?: unknown, headers?: Record<string, string>]
  /** Status, and scimType of a refusal. */
  gives: string
  /** Headers of the answer; a regular expression each. */
  headers?: Readonly<Record<string, RegExp>>
  /** Part of the body. */
  body?: object
}

const form = (
  name: string,
  request: HttpForm['request'],
  gives: string,
  more: Pick<HttpForm, 'headers' | 'body'> = {},
): HttpForm => ({ name, request, gives, ...more })
const SCIM = { 'content-type': /^application\/scim\+json/ }
const off = { schemas: [PATCH], Operations: [{ op: 'replace', path: 'title', value: 'T' }] }
const typed = (type: string): Record<string, string> => ({ 'content-type': type })
const search = (more: object) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'],
  ...more,
})
const bulk = (Operations: unknown, more: object = {}) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
  Operations,
  ...more,
})

export const HTTP: readonly HttpForm[] = [
  form('a slash at the end', ['GET', '/Users/{id}/'], '200'),
  form('two slashes', ['GET', '//Users/{id}'], '200'),
  form('a path in small letters', ['GET', '/users/{id}'], '200'),
  form('a path in capitals', ['GET', '/GROUPS/{group}'], '200'),
  form('an id in another case', ['GET', '/Users/X{id}'], '404', {
    headers: SCIM,
    body: { status: '404', schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'] },
  }),
  form('an encoded slash in an id', ['GET', '/Users/a%2Fb'], '404'),
  form('a group as a user', ['GET', '/Users/{group}'], '404'),
  form('ping: user 0', ['GET', '/Users/0'], '404'),
  form('an unknown endpoint', ['GET', '/Devices'], '404', { headers: SCIM }),
  form('an unknown endpoint, posted to', ['POST', '/Devices', {}], '404', { headers: SCIM }),
  form('below a user', ['GET', '/Users/{id}/emails'], '404'),
  form('a collection, deleted', ['DELETE', '/Users'], '405', { headers: { allow: /GET.*POST/ } }),
  form('a collection, patched', ['PATCH', '/Groups', off], '405'),
  form('a user, posted to', ['POST', '/Users/{id}', {}], '405', { headers: { allow: /PATCH/ } }),
  form('a method of nobody', ['PURGE', '/Users/{id}'], '405'),
  form('a search, got', ['GET', '/Users/.search'], '405'),
  form('Bulk, got', ['GET', '/Bulk'], '405'),
  form('discovery, posted to', ['POST', '/Schemas', {}], '405'),
  form('OPTIONS', ['OPTIONS', '/Users/{id}'], '204', {
    headers: { allow: /GET.*PUT.*PATCH.*DELETE/ },
  }),
  form('HEAD', ['HEAD', '/Users/{id}'], '200', {
    headers: { etag: /^W\/"1"$/, 'content-length': /^\d+$/ },
  }),
  form('HEAD of nobody', ['HEAD', '/Users/nobody'], '404'),
  form('Me', ['GET', '/Me'], '501', { headers: SCIM, body: { status: '501' } }),
  form('no token', ['GET', '/Users', undefined, { authorization: '' }], '401', {
    headers: { ...SCIM, 'www-authenticate': /^Bearer/ },
    body: { status: '401' },
  }),
  form('Basic', ['GET', '/Users', undefined, { authorization: 'Basic YTpi' }], '401', {
    headers: { 'www-authenticate': /^Bearer/ },
  }),
  form(
    'a wrong token, a broken body',
    ['POST', '/Users', '{', { authorization: 'Bearer x' }],
    '401',
  ),
  form(
    'scheme in small letters',
    ['GET', '/Users', undefined, { authorization: 'bearer {token}' }],
    '200',
  ),
  form(
    'okta: Content-Type on a GET',
    ['GET', '/Users', undefined, typed('application/scim+json; charset=utf-8')],
    '200',
    { headers: SCIM },
  ),
  form('a strange Content-Type on a GET', ['GET', '/Users', undefined, typed('text/plain')], '200'),
  form(
    'a strange Content-Type on a DELETE',
    ['DELETE', '/Users/nobody', undefined, typed('text/plain')],
    '404',
  ),
  form(
    'application/json',
    ['PUT', '/Users/{id}', { userName: 'h.{n}' }, typed('application/json')],
    '200',
    { headers: SCIM },
  ),
  form(
    'charset in capitals',
    ['PUT', '/Users/{id}', { userName: 'h.{n}' }, typed('application/scim+json;charset="UTF-8"')],
    '200',
  ),
  form('no Content-Type', ['PUT', '/Users/{id}', { userName: 'h.{n}' }, typed('')], '200'),
  form('text', ['PUT', '/Users/{id}', { userName: 'h.{n}' }, typed('text/plain')], '415', {
    headers: SCIM,
  }),
  form(
    'a form',
    ['POST', '/Users', 'userName=x', typed('application/x-www-form-urlencoded')],
    '415',
  ),
  form(
    'another charset',
    ['POST', '/Users', { userName: 'x' }, typed('application/json; charset=utf-16')],
    '415',
  ),
  form('another encoding', ['POST', '/Users', '{}', { 'content-encoding': 'foo' }], '415'),
  form('Accept json', ['GET', '/Users/{id}', undefined, { accept: 'application/json' }], '200'),
  form('Accept anything', ['GET', '/Users/{id}', undefined, { accept: '*/*' }], '200', {
    headers: SCIM,
  }),
  form(
    'Accept with a charset',
    ['GET', '/Users/{id}', undefined, { accept: 'application/scim+json; charset=utf-8' }],
    '200',
    { headers: SCIM },
  ),
  form('created', ['POST', '/Users', { schemas: [USER], userName: 'c.{n}' }], '201', {
    headers: { location: /^http.*\/v2\/Users\/[0-9a-f-]+$/, etag: /^W\/"1"$/ },
  }),
  form(
    'created, projected',
    ['POST', '/Users?attributes=userName', { schemas: [USER], userName: 'p.{n}' }],
    '201',
    { headers: { location: /\/Users\// } },
  ),
  form(
    'created twice',
    ['POST', '/Users', { schemas: [USER], userName: 'HTTP.{n}' }],
    '409 uniqueness',
    { body: { status: '409' } },
  ),
  form('If-Match', ['PATCH', '/Users/{id}', off, { 'if-match': 'W/"1"' }], '200', {
    headers: { etag: /^W\/"2"$/ },
  }),
  form('If-Match, strong', ['PATCH', '/Users/{id}', off, { 'if-match': '"1"' }], '200'),
  form('If-Match, a list', ['PATCH', '/Users/{id}', off, { 'if-match': 'W/"7", W/"1"' }], '200'),
  form('If-Match, any', ['PATCH', '/Users/{id}', off, { 'if-match': '*' }], '200'),
  form('If-Match, another', ['PATCH', '/Users/{id}', off, { 'if-match': 'W/"2"' }], '412', {
    headers: SCIM,
    body: { status: '412' },
  }),
  form(
    'If-Match, none of ours',
    ['DELETE', '/Users/{id}', undefined, { 'if-match': '"abc"' }],
    '412',
  ),
  form(
    'If-Match of a group',
    [
      'PATCH',
      '/Groups/{group}',
      {
        schemas: [PATCH],
        Operations: [{ op: 'add', path: 'members', value: [{ value: '{id}' }] }],
      },
      { 'if-match': 'W/"9"' },
    ],
    '412',
  ),
  form('If-Match on nobody', ['DELETE', '/Users/nobody', undefined, { 'if-match': '*' }], '404'),
  form('If-None-Match', ['GET', '/Users/{id}', undefined, { 'if-none-match': 'W/"1"' }], '304', {
    headers: { etag: /^W\/"1"$/ },
  }),
  form(
    'If-None-Match, strong',
    ['GET', '/Users/{id}', undefined, { 'if-none-match': '"1"' }],
    '304',
  ),
  form(
    'If-None-Match, a list',
    ['GET', '/Users/{id}', undefined, { 'if-none-match': '"x", W/"1"' }],
    '304',
  ),
  form(
    'If-None-Match, any',
    ['GET', '/Groups/{group}', undefined, { 'if-none-match': '*' }],
    '304',
  ),
  form(
    'If-None-Match, another',
    ['GET', '/Users/{id}', undefined, { 'if-none-match': 'W/"2"' }],
    '200',
  ),
  form(
    'group patched',
    [
      'PATCH',
      '/Groups/{group}',
      { schemas: [PATCH], Operations: [{ op: 'replace', path: 'externalId', value: 'x' }] },
    ],
    '204',
    { headers: { etag: /^W\/"2"$/ } },
  ),
  form(
    'group patched, attributes asked for',
    [
      'PATCH',
      '/Groups/{group}?attributes=members',
      { schemas: [PATCH], Operations: [{ op: 'replace', path: 'externalId', value: 'x' }] },
    ],
    '200',
    { body: { id: '{group}' } },
  ),
  form(
    'user patched, attributes excluded',
    ['PATCH', '/Users/{id}?excludedAttributes=emails', off],
    '200',
    { body: { title: 'T' } },
  ),
  form('user deleted', ['DELETE', '/Users/{id}'], '204'),
  form('put to nobody', ['PUT', '/Users/nobody', { userName: 'x' }], '404'),
  form('patch of nobody', ['PATCH', '/Users/nobody', off], '404'),
  form('a body on a DELETE', ['DELETE', '/Users/nobody', { a: 1 }], '404'),
  form('filter on ServiceProviderConfig', ['GET', '/ServiceProviderConfig?filter=x'], '403', {
    body: { status: '403' },
  }),
  form('filter on Schemas', ['GET', '/Schemas?Filter=id+pr'], '403'),
  form('filter on ResourceTypes', ['GET', '/ResourceTypes?filter=id+pr'], '403'),
  form('paging of Schemas', ['GET', '/Schemas?startIndex=2&count=1'], '200', {
    body: { totalResults: 3, itemsPerPage: 3, startIndex: 1 },
  }),
  form('a schema in another case', ['GET', `/Schemas/${USER.toUpperCase()}`], '200', {
    body: { id: USER },
  }),
  form('an unknown schema', ['GET', '/Schemas/urn:x'], '404'),
  form('a resource type in another case', ['GET', '/resourcetypes/group'], '200', {
    body: { id: 'Group', endpoint: '/Groups' },
  }),
  form('config', ['GET', '/serviceproviderconfig/'], '200', {
    body: {
      pagination: { cursor: true, index: true },
      bulk: { supported: true },
      etag: { supported: true },
    },
  }),
  form(
    'search',
    [
      'POST',
      '/Users/.search',
      search({
        filter: 'userName eq "http.{n}"',
        attributes: ['userName'],
        startIndex: 1,
        count: 5,
      }),
    ],
    '200',
    { body: { totalResults: 1, Resources: [{ id: '{id}' }] } },
  ),
  form(
    'search, names in a text',
    [
      'POST',
      '/Users/.search/',
      search({ Filter: 'userName eq "http.{n}"', ATTRIBUTES: 'userName' }),
    ],
    '200',
    { body: { totalResults: 1 } },
  ),
  form(
    'search everywhere',
    ['POST', '/.search', search({ filter: 'userName eq "http.{n}" or displayName eq "Http {n}"' })],
    '200',
    { body: { totalResults: 2 } },
  ),
  form(
    'search by cursor',
    ['POST', '/Users/.search', search({ filter: 'userName eq "http.{n}"', cursor: '' })],
    '200',
    { body: { totalResults: 1 } },
  ),
  form(
    'search, count is a text',
    ['POST', '/Users/.search', search({ count: 'x' })],
    '400 invalidValue',
  ),
  form('search, no schemas', ['POST', '/Users/.search', { filter: 'id pr' }], '400 invalidSyntax'),
  form(
    'search, a wrong filter',
    ['POST', '/.search', search({ filter: 'shoe eq 1' })],
    '400 invalidFilter',
  ),
  form(
    'search, sorted by nothing',
    ['POST', '/Users/.search', search({ filter: 'userName eq "http.{n}"', sortBy: '' })],
    '200',
  ),
  form('bulk, nothing', ['POST', '/Bulk', bulk([])], '200', { body: { Operations: [] } }),
  form('bulk, no operations', ['POST', '/Bulk', bulk(undefined)], '400 invalidSyntax'),
  form('bulk, no schemas', ['POST', '/Bulk', { Operations: [] }], '400 invalidSyntax'),
  form(
    'bulk, failOnErrors in a text',
    ['POST', '/Bulk', bulk([], { failOnErrors: 'x' })],
    '400 invalidValue',
  ),
  form(
    'bulk, an id in the path and a leaver',
    [
      'POST',
      '/bulk/',
      bulk([
        {
          method: 'PATCH',
          path: '/Users/{id}',
          data: { schemas: [PATCH], Operations: [{ op: 'replace', value: { active: false } }] },
        },
      ]),
    ],
    '200',
    { body: { Operations: [{ method: 'PATCH', status: '200', version: 'W/"2"' }] } },
  ),
  form(
    'bulk, created and put into a group',
    [
      'POST',
      '/Bulk',
      bulk([
        {
          method: 'PATCH',
          path: '/Groups/{group}',
          data: {
            schemas: [PATCH],
            Operations: [{ op: 'add', path: 'members', value: [{ value: 'bulkId:q' }] }],
          },
        },
        {
          method: 'POST',
          path: '/Users',
          bulkId: 'q',
          data: { schemas: [USER], userName: 'b.{n}' },
        },
      ]),
    ],
    '200',
    { body: { Operations: [{ status: '204' }, { status: '201', bulkId: 'q' }] } },
  ),
  form(
    'bulk, a bulkId of nobody',
    ['POST', '/Bulk', bulk([{ method: 'DELETE', path: '/Users/bulkId:zzz' }])],
    '200',
    { body: { Operations: [{ status: '409' }] } },
  ),
  form(
    'bulk, a reference to itself',
    [
      'POST',
      '/Bulk',
      bulk([
        {
          method: 'POST',
          path: '/Users',
          bulkId: 's',
          data: {
            userName: 's.{n}',
            'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': {
              manager: { value: 'bulkId:s' },
            },
          },
        },
      ]),
    ],
    '200',
    { body: { Operations: [{ status: '201' }] } },
  ),
  form(
    'bulk, a bulkId twice',
    [
      'POST',
      '/Bulk',
      bulk([
        { method: 'POST', path: '/Users', bulkId: 'a', data: {} },
        { method: 'POST', path: '/Users', bulkId: 'a', data: {} },
      ]),
    ],
    '400 invalidSyntax',
  ),
  form(
    'bulk, too large',
    [
      'POST',
      '/Bulk',
      bulk([
        { method: 'POST', path: '/Users', bulkId: 'a', data: { userName: 'x'.repeat(1_100_000) } },
      ]),
    ],
    '413',
    { headers: SCIM, body: { status: '413' } },
  ),
]
