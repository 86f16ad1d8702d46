/**
 * The C2SP policy text that travels in a certificate: the log's keys and the hub's own cosigner. A reader
 * who has no policy of their own learns from it whom to ask about.
 */
export function certificatePolicy(keys: {
  log: readonly string[]
  cosigner: readonly string[]
}): string {
  const logs = keys.log.map((vkey) => `log ${vkey}\n`)
  const witnesses = keys.cosigner.map((vkey, i) => `witness cosigner-${i + 1} ${vkey}\n`)
  const names = keys.cosigner.map((_, i) => `cosigner-${i + 1}`)
  const quorum =
    names.length === 0
      ? 'quorum none\n'
      : `group cosigner any ${names.join(' ')}\nquorum cosigner\n`
  return `# Keys as the hub names them. Believe those that you got by another way.\n${logs.join('')}${witnesses.join('')}${quorum}`
}
