import type { AttributePath } from './query.ts'

/** The attributes by which people are looked up. */
export const USER_NAME: AttributePath = {
  attribute: 'userName',
  type: 'string',
  caseExact: false,
  multiValued: false,
}
export const EXTERNAL_ID: AttributePath = {
  ...USER_NAME,
  attribute: 'externalId',
  caseExact: true,
}
export const EMAIL: AttributePath = {
  ...USER_NAME,
  attribute: 'emails',
  sub: 'value',
  multiValued: true,
}
