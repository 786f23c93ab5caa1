/** The outcome of a verification, as a value: every check with what was expected and what was found. */
import { Refusal } from "./refusal.js";

/** One check of a verification. */
export interface Check {
  /** Stable `ATTEST_*` code; on a failed check it is the reason of the refusal. */
  readonly code: string;
  /** What is checked, for people. */
  readonly what: string;
  readonly passed: boolean;
  readonly expected: string;
  readonly got: string;
}

/** Runs checks in order and remembers them. The first one that fails ends the verification. */
export class CheckList {
  readonly #checks: Check[] = [];

  /** The checks so far. */
  get checks(): readonly Check[] {
    return [...this.#checks];
  }

  /** Records a comparison; refuses when it does not hold. */
  require(code: string, what: string, outcome: { holds: boolean; expected: string; got: string }): void {
    const { holds, expected, got } = outcome;
    if (!holds) throw this.#fail(what, new Refusal(code, expected, got));
    this.#checks.push({ code, what, passed: true, expected, got });
  }

  /** Records a step that returns a value or throws a `Refusal`; the refusal may carry a more exact code. */
  async step<T>(code: string, what: string, work: () => T | Promise<T>): Promise<T> {
    try {
      const value = await work();
      this.#checks.push({ code, what, passed: true, expected: "valid", got: "valid" });
      return value;
    } catch (error) {
      if (error instanceof Refusal) throw this.#fail(what, error);
      throw error;
    }
  }

  #fail(what: string, refusal: Refusal): Refusal {
    const { code, expected, got } = refusal;
    this.#checks.push({ code, what, passed: false, expected, got });
    return refusal;
  }
}

/** Which trust root stands behind evidence. */
export type EvidenceKind = "intel" | "simulated";
