/** The outside world, as the rooms see it: handed in, never reached for. */

/** Time. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
}

/** Randomness fit for keys. */
export interface Random {
  /** `length` fresh random bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer>;
}

/** Severity, in rising order. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Messages for people. Never receives secrets. */
export interface Logger {
  log(level: LogLevel, message: string, data?: Readonly<Record<string, unknown>>): void;
}

/** The network: the standard fetch. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
