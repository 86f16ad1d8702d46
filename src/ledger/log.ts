/** Where the ledger's loops report to. Fields carry ids, sizes and codes; never personal data. */
export interface LedgerLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  /** A person must act. */
  error(fields: object, message: string): void
}

export const silentLog: LedgerLog = { info: () => {}, warn: () => {}, error: () => {} }
