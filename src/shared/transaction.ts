/** An open storage transaction. Opaque: only `storage` knows what it is. */
export interface Transaction {
  readonly opaque: 'transaction'
}

export interface Transactor {
  /**
   * Runs `work` in one transaction: snapshot reads, majority and journaled commit. `work` may run several
   * times and must have no effect outside the transaction. A throw means *unknown*, never "not done".
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
}
