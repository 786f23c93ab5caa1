/** Replaying a run's decisions over its statements: nothing missing, nothing extra, everything rightly due. */
import type { TrustRoot } from "@sealflow/attest";
import type { DueTask, PipelineDocument } from "@sealflow/pipeline";
import { requireStatedUnder } from "../broker/committing.js";
import { endsTask } from "../broker/finishing.js";
import { maximumAttempts } from "../broker/granting.js";
import type { LogEntry, LogEntryOf } from "../log/entry.js";
import { member } from "../record.js";
import { type DueComponent, dueComponent } from "../run/due.js";
import { verifyFailureStatement } from "../statement/failure-statement.js";
import { type TaskResultStated, verifyTaskStatement } from "../statement/task-statement.js";
import type { BundleChecks } from "./checks.js";
import type { BundleTask, RunBundle } from "./format.js";
import { type PlacedEntry, requireInTime, type VerifiedPolicy, type VerifiedRegistration } from "./logged.js";
import { PublicView } from "./public-view.js";
import { ReplayedAttempts } from "./replay-attempts.js";
import { ReplayedEvidence } from "./replay-evidence.js";
import { requireInputsShown, requireOutputsShown } from "./replay-openings.js";
import { verifyReuse } from "./replay-reuse.js";
import { type ShownTask, shownOf } from "./shown.js";
import type { VerifiedTask } from "./verdict.js";

/** What a replay takes. */
export interface ReplayParts {
  readonly bundle: RunBundle;
  readonly checks: BundleChecks;
  readonly roots: readonly TrustRoot[];
  readonly document: PipelineDocument;
  readonly policy: VerifiedPolicy;
  readonly registered: VerifiedRegistration;
  /** All of the bundle. */
  readonly entries: readonly PlacedEntry[];
  /** The run's own. */
  readonly own: readonly PlacedEntry[];
}

/** One replay. */
export class Replay {
  readonly parts: ReplayParts;
  readonly view: PublicView;
  readonly evidence: ReplayedEvidence;
  /** Indices of entries that something rests on. */
  readonly used = new Set<number>();
  /** By artifact: the task that made it. */
  readonly #makers = new Map<string, string>();
  readonly #attempts: ReplayedAttempts;
  readonly #results = new Map<string, VerifiedTask>();
  #next = 0;

  constructor(parts: ReplayParts) {
    this.parts = parts;
    this.view = new PublicView(parts.registered.run.registration, parts.document);
    this.evidence = new ReplayedEvidence(parts);
    this.#attempts = new ReplayedAttempts(parts.checks);
  }

  async run(): Promise<{
    readonly state: "SUCCEEDED" | "FAILED" | "CANCELED";
    readonly tasks: readonly VerifiedTask[];
    readonly simulated: boolean;
  }> {
    for (const [position, { index, entry }] of this.parts.own.entries()) {
      this.used.add(index);
      await this.#entry(entry, { position, where: `log entry ${index}` });
    }
    const state = this.view.first.outcome?.state ?? "CANCELED";
    this.#requireNothingLeft();
    return { state, tasks: this.#tasks(), simulated: this.evidence.simulated };
  }

  async #entry(entry: LogEntry, at: { readonly position: number; readonly where: string }): Promise<void> {
    const { checks, own } = this.parts;
    const subject = { code: "TRUST_BUNDLE_CHAIN", what: "entries are in their order", where: at.where };
    const first = at.position === 0;
    const holds =
      (entry.kind === "registered") === first &&
      (entry.kind === "finished") === (at.position === own.length - 1);
    checks.require(subject, {
      holds,
      expected: "registered first, finished last, each once",
      got: entry.kind,
    });
    if (entry.kind === "granted") await this.#granted(entry, at.where);
    if (entry.kind === "committed") await this.#committed(entry);
    if (entry.kind === "failed") await this.#failed(entry);
    if (entry.kind === "reused") await this.#reused(entry, at.where);
    if (entry.kind === "finished") this.#finished(entry, at.where);
  }

  async #granted(entry: LogEntryOf<"granted">, where: string): Promise<void> {
    const { checks, registered, policy } = this.parts;
    const item = this.#take("attempt", entry.path, where);
    const place = `${entry.path}, attempt ${entry.attempt}`;
    const { due, component } = this.requireDue(entry.path, place);
    this.#requireInTime(entry, place);
    this.#attempts.requireNext(entry, maximumAttempts(due, policy.policy), place);
    await this.evidence.requireTranscript(item.transcript, {
      entry,
      component: component.digest,
      registration: registered.entry.registration,
      policy: policy.digest,
      policyEpoch: policy.policy.epoch,
      where: place,
    });
    const evidence = await this.evidence.appraise(item, {
      entry,
      measuredAs: component.measuredAs,
      where: place,
    });
    const shown = {
      due,
      other: this.view.other(entry.path),
      commitments: entry.parameters,
      opened: item.opened,
    };
    await requireInputsShown(shown, { checks, where: place });
    this.#attempts.add({ item, entry, evidence });
  }

  async #committed(entry: LogEntryOf<"committed">): Promise<void> {
    const { checks } = this.parts;
    const { path, attempt } = entry;
    const where = `${path}, attempt ${attempt}`;
    const { due } = this.requireDue(path, where);
    this.#requireInTime(entry, where);
    const { granted, statement } = await this.#attempts.ending(entry, where);
    const signed = { code: "TRUST_STATEMENT", what: "the task's key signed its statement", where };
    const stated = await checks.step(signed, () => verifyTaskStatement(statement, granted.item.transcript));
    const under = {
      code: "TRUST_COMMIT",
      what: "the statement is of its grant, evidence, inputs and outputs",
      where,
    };
    await checks.step(under, () => requireStatedUnder(stated, { task: due, entry: granted.entry }));
    granted.ended = "committed";
    granted.statement = entry.statement;
    await this.succeed(path, stated.outputs, { item: granted.item, due, where });
    this.#results.set(path, {
      ...this.#common(path, due),
      state: "committed",
      statement: entry.statement,
      evidence: granted.evidence,
      ...this.shown(granted.item, { due, parameters: granted.entry.parameters, outputs: stated.outputs }),
    });
  }

  /** Takes outputs over: shown where they must be, made once, of the declared number and types. */
  async succeed(
    path: string,
    outputs: TaskResultStated["outputs"],
    { item, due, where }: { readonly item: BundleTask; readonly due: DueTask; readonly where: string },
  ): Promise<void> {
    const { checks } = this.parts;
    await requireOutputsShown({ view: this.view, path, outputs, opened: item.opened }, { checks, where });
    const artifacts = Object.values(outputs.artifacts).flat();
    const external = Object.values(this.view.registration.inputs);
    const again = artifacts.find(
      ({ digest }, i) =>
        this.#makers.has(digest) ||
        external.includes(digest) ||
        artifacts.findIndex((each) => each.digest === digest) < i,
    );
    checks.require(
      { code: "TRUST_COMMIT_ARTIFACT", what: "every artifact was made once", where },
      { holds: again === undefined, expected: "new artifacts", got: again?.digest ?? "new ones" },
    );
    const subject = { code: "TRUST_BUNDLE_OUTPUTS", what: "the outputs are the declared ones", where };
    await checks.step(subject, () => this.view.succeed(path, outputs, item.opened));
    for (const { digest } of artifacts) this.#makers.set(digest, due.path);
  }

  async #failed(entry: LogEntryOf<"failed">): Promise<void> {
    const { checks, policy } = this.parts;
    const { path, attempt } = entry;
    const where = `${path}, attempt ${attempt}`;
    const { due } = this.requireDue(path, where);
    this.#requireInTime(entry, where);
    const { granted, statement } = await this.#attempts.ending(entry, where);
    const signed = { code: "TRUST_STATEMENT", what: "the task's key signed its failure", where };
    const stated = await checks.step(signed, () =>
      verifyFailureStatement(statement, granted.item.transcript),
    );
    const { grant, evidence } = granted.entry;
    const named = { code: "TRUST_COMMIT_GRANT", what: "the failure is of its grant and evidence", where };
    checks.same(named, `${grant} ${evidence}`, `${stated.grant} ${stated.evidence}`);
    this.#attempts.requireNoOutputs(granted, where);
    granted.ended = "failed";
    granted.statement = entry.statement;
    const attempts = this.#attempts.failures(path);
    const final = endsTask(due, { attempts, maximum: maximumAttempts(due, policy.policy) });
    const ends = {
      code: "TRUST_BUNDLE_FAILURE",
      what: "the failure ends its task, or does not, as the retries say",
      where,
    };
    checks.same(ends, `${final}`, `${entry.final}`);
    if (!final) return;
    this.view.fail(path, stated.code);
    const common = this.#common(path, due);
    this.#results.set(path, {
      ...common,
      state: "failed",
      statement: entry.statement,
      evidence: granted.evidence,
      error: stated.code,
    });
  }

  async #reused(entry: LogEntryOf<"reused">, where: string): Promise<void> {
    const { path } = entry;
    const found = this.requireDue(path, path);
    this.#requireInTime(entry, path);
    const item = this.#take("reuse", path, where);
    this.#results.set(path, {
      ...this.#common(path, found.due),
      ...(await verifyReuse(this, { entry, item, found })),
    });
  }

  #finished(entry: LogEntryOf<"finished">, where: string): void {
    const subject = { code: "TRUST_BUNDLE_STATE", what: "the run ended as its statements say", where };
    const { outcome, due } = this.view.first;
    const waiting = [...due.keys()].join(", ");
    this.parts.checks.same(subject, outcome?.state ?? `not yet: ${waiting} are due`, entry.state);
  }

  /** A due task of the flow. */
  requireDue(path: string, where: string): DueComponent {
    const { first } = this.view;
    const end = first.ends.get(path)?.state;
    return this.parts.checks.found(
      { code: "TRUST_BUNDLE_NOT_DUE", what: "the committed statements make the task due", where },
      dueComponent(first, this.parts.registered.run.flow, path),
      {
        expected: [...first.due.keys()].join(", ") || "none",
        got: end === undefined ? path : `${path}, which is ${end}`,
      },
    );
  }

  #requireInTime({ time }: { readonly time: string }, where: string): void {
    requireInTime(this.parts.checks, { time, of: this.view.registration, where });
  }

  /** The bundle's next task, which the entry must be about. */
  #take<Kind extends BundleTask["kind"]>(kind: Kind, path: string, where: string): BundleTaskOf<Kind> {
    const item = this.parts.bundle.tasks[this.#next++];
    return this.parts.checks.found(
      { code: "TRUST_BUNDLE_TASK", what: "the bundle has the entry's task", where },
      isOf(kind, item) ? item : undefined,
      { expected: `${path}, ${kind}`, got: item?.kind ?? "no more tasks" },
    );
  }

  #requireNothingLeft(): void {
    const { bundle, checks, entries } = this.parts;
    const subject = {
      code: "TRUST_BUNDLE_EXTRA",
      what: "nothing is in the bundle that the run does not have",
      where: "bundle",
    };
    const tasks = bundle.tasks.length - this.#next;
    checks.require(subject, {
      holds: tasks === 0,
      expected: `${this.#next} tasks`,
      got: `${bundle.tasks.length}`,
    });
    const unused = entries.filter(({ index }) => !this.used.has(index)).map(({ index }) => index);
    checks.same(subject, "", unused.map((index) => `log entry ${index}`).join(", "));
    this.#attempts.requireNothingLeft();
    this.evidence.requireNothingLeft();
  }

  #common(path: string, due: DueTask): Pick<VerifiedTask, "path" | "attempts" | "granted" | "component"> {
    const digest = member(this.parts.registered.run.flow.components, due.componentName)?.digest;
    const component = digest === undefined ? {} : { component: { name: due.componentName, digest } };
    return { path, ...this.#attempts.told(path), ...component };
  }

  /** Inputs and outputs with the values that the bundle shows. */
  shown(item: Pick<BundleTask, "opened">, of: ShownTask): Required<Pick<VerifiedTask, "inputs" | "outputs">> {
    return shownOf(item.opened, of, (digest) => this.#makers.get(digest) ?? null);
  }

  #tasks(): VerifiedTask[] {
    return [...this.view.first.ends].flatMap(([path, end]): VerifiedTask[] => {
      const result = this.#results.get(path);
      if (result !== undefined) return [result];
      const granting = this.#attempts.told(path);
      if (end.state === "skipped") return [{ path, state: "skipped", ...granting, skip: end.skip }];
      if (end.state === "failed") return [{ path, state: "failed", ...granting, error: end.code }];
      // What is left are importers: their output is an input of the registration.
      return [];
    });
  }
}

type BundleTaskOf<Kind extends BundleTask["kind"]> = Extract<BundleTask, { readonly kind: Kind }>;

function isOf<Kind extends BundleTask["kind"]>(
  kind: Kind,
  task: BundleTask | undefined,
): task is BundleTaskOf<Kind> {
  return task?.kind === kind;
}
