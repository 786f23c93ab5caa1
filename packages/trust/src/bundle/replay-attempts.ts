/** The attempts of a replay: granted one after the other, each ended by one statement at most. */
import type { Digest } from "@sealflow/core";
import { envelopeDigest } from "../document.js";
import type { LogEntryOf } from "../log/entry.js";
import type { BundleChecks } from "./checks.js";
import type { BundleAttempt } from "./format.js";
import type { VerifiedAttempt, VerifiedEvidence, VerifiedTask } from "./verdict.js";

/** An attempt on its way. */
export interface GrantedInReplay {
  readonly item: BundleAttempt;
  readonly entry: LogEntryOf<"granted">;
  readonly evidence: VerifiedEvidence;
  ended?: "committed" | "failed";
  /** Digest of the statement that it ended with. */
  statement?: Digest;
}

type Statement = NonNullable<BundleAttempt["statement"]>;

/** All attempts, by the path of their task. */
export class ReplayedAttempts {
  readonly #checks: BundleChecks;
  readonly #granted = new Map<string, GrantedInReplay[]>();

  constructor(checks: BundleChecks) {
    this.#checks = checks;
  }

  /** Demands that an attempt is the task's next, and not one too many. */
  requireNext(entry: LogEntryOf<"granted">, maximum: number, where: string): void {
    const next = this.#of(entry.path).length + 1;
    this.#checks.require(
      { code: "TRUST_BUNDLE_ATTEMPT", what: "the attempt is the next one that is allowed", where },
      {
        holds: entry.attempt === next && next <= maximum,
        expected: `${next} of at most ${maximum}`,
        got: `${entry.attempt}`,
      },
    );
  }

  add(granted: GrantedInReplay): void {
    const { path } = granted.entry;
    this.#granted.set(path, [...this.#of(path), granted]);
  }

  /** The attempt that an entry ends, and the statement that it ends with. */
  async ending(
    { path, attempt, statement: digest }: LogEntryOf<"committed"> | LogEntryOf<"failed">,
    where: string,
  ): Promise<{ readonly granted: GrantedInReplay; readonly statement: Statement }> {
    const known = this.#of(path)[attempt - 1];
    const what = "the attempt has a grant and has not ended";
    const live = known?.ended === undefined ? known : undefined;
    const granted = this.#checks.found({ code: "TRUST_BUNDLE_ATTEMPT", what, where }, live, {
      expected: "a live attempt",
      got: known === undefined ? "none" : (known.ended ?? "one"),
    });
    const named = { code: "TRUST_BUNDLE_STATEMENT", what: "the statement is the committed one", where };
    const { statement } = granted.item;
    const got = statement === null ? "none" : await envelopeDigest(statement);
    const decided = got === digest ? statement : null;
    return { granted, statement: this.#checks.found(named, decided, { expected: digest, got }) };
  }

  /** For each attempt of a task whether it has failed. */
  failures(path: string): boolean[] {
    return this.#of(path).map(({ ended }) => ended === "failed");
  }

  /** Demands that nothing is shown of outputs that there are not. */
  requireNoOutputs({ item }: GrantedInReplay, where: string): void {
    const { parameters, metadata } = item.opened;
    const what = "nothing is shown of outputs that there are not";
    const got = [...Object.keys(parameters), ...Object.keys(metadata)].join(", ");
    this.#checks.same({ code: "TRUST_BUNDLE_OPENING", what, where }, "", got);
  }

  /** Demands that attempts which nothing was heard of have no statement and show nothing. */
  requireNothingLeft(): void {
    const silent = [...this.#granted.values()].flat().filter(({ ended }) => ended === undefined);
    for (const granted of silent) {
      const { path, attempt } = granted.entry;
      const where = `${path}, attempt ${attempt}`;
      const what = "nothing is in the bundle that the run does not have";
      const got = granted.item.statement === null ? "no statement" : "one";
      this.#checks.same({ code: "TRUST_BUNDLE_EXTRA", what, where }, "no statement", got);
      this.requireNoOutputs(granted, where);
    }
  }

  /** A task's attempts as a verdict tells them. */
  told(path: string): Pick<VerifiedTask, "attempts" | "granted"> {
    const granted = this.#of(path).map(attemptOf);
    return { attempts: granted.length, granted };
  }

  #of(path: string): readonly GrantedInReplay[] {
    return this.#granted.get(path) ?? [];
  }
}

function attemptOf({ entry, evidence, ended, statement }: GrantedInReplay): VerifiedAttempt {
  const { attempt, time: grantedAt, grant, transcript } = entry;
  return {
    ...{ attempt, grantedAt, grant, transcript, evidence, ended: ended ?? null },
    ...(statement === undefined ? {} : { statement }),
  };
}
