/** The checks of a bundle's verification, each as a value. */
import type { Check } from "@sealflow/attest";
import { isSealflowError, SealflowErrors } from "@sealflow/core";

/** One check. */
export interface BundleCheck {
  /** Stable code; on a failed check it is the reason of the refusal. */
  readonly code: string;
  /** What is checked, for people. */
  readonly what: string;
  /** Which part of the bundle or of the run: `policy`, `log entry 4`, `train, attempt 1`. */
  readonly where: string;
  readonly passed: boolean;
  readonly expected: string;
  readonly got: string;
  /** Of a check of evidence: what it consists of, in order. */
  readonly parts?: readonly Check[];
}

/** Ends a verification; its check has been recorded. */
export class BundleRefusal extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.name = "BundleRefusal";
    this.code = code;
  }
}

/** What a check is about. */
export interface CheckSubject {
  readonly code: string;
  readonly what: string;
  readonly where: string;
}

/** Runs checks in order and remembers them. The first that fails ends the verification. */
export class BundleChecks {
  readonly #checks: BundleCheck[] = [];

  get all(): readonly BundleCheck[] {
    return [...this.#checks];
  }

  /** Records a comparison, and the checks that it consists of; refuses when it does not hold. */
  require(
    subject: CheckSubject,
    outcome: { holds: boolean; expected: string; got: string; parts?: readonly Check[] },
  ): void {
    const { holds, ...compared } = outcome;
    this.#checks.push({ ...subject, passed: holds, ...compared });
    if (!holds) throw new BundleRefusal(subject.code);
  }

  /** Demands that something is there, and gives it back. */
  found<Value>(
    subject: CheckSubject,
    value: Value | null | undefined,
    compared: { expected: string; got: string },
  ): Value {
    const passed = value !== undefined && value !== null;
    this.#checks.push({ ...subject, passed, ...compared });
    if (!passed) throw new BundleRefusal(subject.code);
    return value;
  }

  /** Demands that two texts are the same. */
  same(subject: CheckSubject, expected: string, got: string): void {
    this.require(subject, { holds: expected === got, expected, got });
  }

  /** Records a step that throws a `SealflowError` when it refuses; the check then carries the error's own code. */
  async step<Result>(subject: CheckSubject, work: () => Result | Promise<Result>): Promise<Result> {
    try {
      const result = await work();
      this.#checks.push({ ...subject, passed: true, expected: "valid", got: "valid" });
      return result;
    } catch (error) {
      if (!isSealflowError(error)) throw error;
      const first = error instanceof SealflowErrors ? error.findings[0] : undefined;
      const got = first === undefined ? error.message : `${error.message}: ${first.message}`;
      this.#checks.push({ ...subject, code: error.code, passed: false, expected: "valid", got });
      throw new BundleRefusal(error.code);
    }
  }
}
