/**
 * The base of every error that Sealflow throws on purpose.
 *
 * A caller's mistake in code (wrong argument types) is a plain `TypeError`; everything that input, policy or the
 * outside world can cause is a `SealflowError` with a stable code.
 */

/** Where the cause stands: a file with a line, or a path inside a document. */
export interface ErrorLocation {
  /** File or document name, as the user gave it. */
  readonly file?: string;
  /** 1-based line. */
  readonly line?: number;
  /** 1-based column. */
  readonly column?: number;
  /** Path inside a document, for example `root.dag.tasks.train.inputs.parameters.seed`. */
  readonly path?: string;
}

/** What a `SealflowError` is made of. */
export interface ErrorDetails {
  /** Stable upper-case code, for example `PIPELINE_CYCLE`; each has an entry in docs/reference/errors.md. */
  readonly code: string;
  /** One line: what is wrong, with expected and got where that applies. Never a secret. */
  readonly message: string;
  /** How to mend it, one sentence. */
  readonly hint?: string;
  readonly where?: ErrorLocation;
  /** Values for programs; must be JSON. */
  readonly data?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** The JSON form of an error, as `--json`, events and the run record carry it. */
export interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly where?: ErrorLocation;
  readonly data?: Readonly<Record<string, unknown>>;
  /** Further findings of the same kind, when several were collected. */
  readonly findings?: readonly ErrorBody[];
}

const BRAND = Symbol.for("sealflow.error");

/** An error with a stable code. Compare with `isSealflowError`, not `instanceof`: copies of the package may coexist. */
export class SealflowError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  readonly where: ErrorLocation | undefined;
  readonly data: Readonly<Record<string, unknown>> | undefined;
  readonly [BRAND] = true;

  constructor(details: ErrorDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "SealflowError";
    this.code = details.code;
    this.hint = details.hint;
    this.where = details.where;
    this.data = details.data;
  }

  toJSON(): ErrorBody {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(this.where === undefined ? {} : { where: this.where }),
      ...(this.data === undefined ? {} : { data: this.data }),
    };
  }
}

/** Several findings reported together, for example all that is wrong with one document. Never empty. */
export class SealflowErrors extends SealflowError {
  readonly findings: readonly SealflowError[];

  constructor(details: ErrorDetails, findings: readonly SealflowError[]) {
    super(details);
    this.name = "SealflowErrors";
    this.findings = findings;
  }

  override toJSON(): ErrorBody {
    return { ...super.toJSON(), findings: this.findings.map((finding) => finding.toJSON()) };
  }
}

/** True for an error made by any copy of this package. */
export function isSealflowError(value: unknown): value is SealflowError {
  return typeof value === "object" && value !== null && BRAND in value;
}

/**
 * Throws what was collected: nothing for no finding, the finding itself for one, `SealflowErrors` for several.
 *
 * @param details Code and summary used when there are several.
 */
export function throwFindings(findings: readonly SealflowError[], details: ErrorDetails): void {
  const [first, second] = findings;
  if (first === undefined) return;
  if (second === undefined) throw first;
  throw new SealflowErrors(details, findings);
}
