import { SealflowError } from "@sealflow/core";

/** An error of this room: what was expected and what was found. */
export function failure(
  code: string,
  what: string,
  outcome: { expected: string; got: string },
): SealflowError {
  return new SealflowError({ code, message: `${what}: expected ${outcome.expected}, got ${outcome.got}` });
}
