/** The part of a structured log that the engine writes to. No personal data, no secrets. */
export interface EngineLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
