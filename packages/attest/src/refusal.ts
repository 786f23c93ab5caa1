/** How a step of a verification says no: caught by the verifier, which turns it into a failed check. */

/** A reason to refuse evidence. */
export class Refusal extends Error {
  readonly code: string;
  readonly expected: string;
  readonly got: string;

  constructor(code: string, expected: string, got: string) {
    super(`expected ${expected}, got ${got}`);
    this.name = "Refusal";
    this.code = code;
    this.expected = expected;
    this.got = got;
  }
}
