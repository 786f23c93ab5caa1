/** A registered run in the broker: its evaluation, its attempts, and the keys of its artifacts. */
import type { Digest, JsonObject, JsonValue } from "@sealflow/core";
import type { ArtifactValue, DueTask, TaskOutputs } from "@sealflow/pipeline";
import type { Envelope } from "@sealflow/seal";
import type { LogEntryOf } from "../log/entry.js";
import type { Flow } from "../policy.js";
import type { Committed, TaskStatus } from "../protocol/messages.js";
import { member, recordOf } from "../record.js";
import type { Registration } from "../registration.js";
import { artifactUri, type RunEvaluation } from "../run/evaluation.js";
import { standIn } from "../run/stand-in.js";
import { staticPath } from "../run/static-analysis.js";
import type { TaskResultStated } from "../statement/task-statement.js";
import type { Transcript } from "../transcript.js";
import type { CommittedRecord, Salts } from "./records.js";
import type { PolicyInForce, RegisteredRun } from "./state.js";

/** An attempt that has a grant. */
export interface GrantedAttempt {
  /** Index of the record of its grant, which holds the evidence: that is not kept in memory. */
  readonly record: number;
  readonly entry: LogEntryOf<"granted">;
  readonly transcript: Transcript;
  readonly grant: Envelope;
  readonly salts: Salts;
  /** Digest of its failure statement, once it has failed. */
  failure?: { readonly statement: Digest; readonly final: boolean };
}

/** A finished task's result. */
export interface CommittedResult {
  readonly attempt: number;
  /** Digest of the statement's envelope: the task's, or the broker's for a reuse. */
  readonly statement: Digest;
  readonly reused: boolean;
  readonly outputs: TaskResultStated["outputs"];
  readonly secrets: CommittedRecord["secrets"];
}

/** A leaf task. */
export interface TaskState {
  readonly attempts: GrantedAttempt[];
  committed?: CommittedResult;
}

/** What opens an artifact, and who made it. */
export interface KnownArtifact {
  /** Data key, hex. */
  readonly key: string;
  readonly statement: Digest | null;
}

/** One run. */
export class RunState {
  readonly registration: Registration;
  readonly registrationDigest: Digest;
  readonly flow: Flow;
  /** That it was registered under, and stays under. */
  readonly policy: PolicyInForce;
  readonly evaluation: RunEvaluation;
  readonly artifacts = new Map<string, KnownArtifact>();
  /** Leaf hash of the run's newest log entry, hex. */
  lastEntry: string | null = null;
  readonly #tasks = new Map<string, TaskState>();
  /** By `H(T)`. */
  readonly #grants = new Map<string, GrantedAttempt>();

  constructor(run: RegisteredRun & { readonly evaluation: RunEvaluation }) {
    this.registration = run.registration;
    this.registrationDigest = run.registrationDigest;
    this.flow = run.flow;
    this.policy = run.policy;
    this.evaluation = run.evaluation;
  }

  /** Tasks that have an attempt or a result, by path. */
  get tasks(): ReadonlyMap<string, TaskState> {
    return this.#tasks;
  }

  task(path: string): TaskState {
    const known = this.#tasks.get(path);
    if (known !== undefined) return known;
    const task: TaskState = { attempts: [] };
    this.#tasks.set(path, task);
    return task;
  }

  attempt(path: string, attempt: number): GrantedAttempt | undefined {
    return this.#tasks.get(path)?.attempts[attempt - 1];
  }

  /** Takes over a grant. */
  grant(attempt: GrantedAttempt): void {
    this.task(attempt.entry.path).attempts.push(attempt);
    this.#grants.set(attempt.entry.transcript, attempt);
  }

  /** The attempt that a transcript was granted for. @param transcript `H(T)`, hex. */
  granted(transcript: string): GrantedAttempt | undefined {
    return this.#grants.get(transcript);
  }

  /** Takes over a result: the interpretation goes on, the artifacts' keys are known. @returns What is said of it. */
  finish(path: string, result: CommittedResult): Committed {
    const due = this.evaluation.due.get(path);
    if (due === undefined) throw new TypeError("run: expected a due task");
    this.evaluation.succeed(path, outputsOf(due, result));
    this.task(path).committed = result;
    for (const [digest, { key }] of Object.entries(result.secrets.artifacts)) {
      this.artifacts.set(digest, { key, statement: result.statement });
    }
    return this.#answerOf(path, result);
  }

  /** True when an output may be seen by the control plane. */
  declassifies(path: string, output: string): boolean {
    return this.registration.declassify.includes(`${staticPath(path)}/${output}`);
  }

  /** What the registration lets everyone see of a finished task's result. */
  released(path: string): ReleasedOutputs {
    const result = this.#tasks.get(path)?.committed;
    const listed = (output: string) => this.registration.release.includes(`${staticPath(path)}/${output}`);
    const parameters = Object.entries(result?.secrets.parameters ?? {}).filter(([name]) => listed(name));
    const artifacts = Object.entries(result?.outputs.artifacts ?? {}).filter(([name]) => listed(name));
    const metadataOf = (digest: Digest): JsonObject =>
      member(result?.secrets.artifacts, digest)?.metadata.value ?? {};
    return {
      parameters: recordOf(parameters.map(([name, { value }]) => [name, value] as const)),
      artifacts: recordOf(
        artifacts.map(([name, list]) => [name, list.map(({ digest }) => metadataOf(digest))] as const),
      ),
    };
  }

  /** What is said of a finished task to anyone. */
  committedAnswer(path: string): Committed | undefined {
    const result = this.#tasks.get(path)?.committed;
    return result && this.#answerOf(path, result);
  }

  #answerOf(path: string, result: CommittedResult): Committed {
    const { outputs, secrets } = result;
    const parameters = Object.entries(outputs.parameters).map(([name, commitment]) => {
      const value = member(secrets.parameters, name)?.value ?? null;
      const declassified = this.declassifies(path, name);
      const type = typeOf(value);
      const shown = declassified ? value : standIn(type, commitment);
      return [name, { commitment, value: shown, declassified }] as const;
    });
    const artifacts = Object.entries(outputs.artifacts).map(
      ([name, list]) => [name, list.map(({ digest }) => digest)] as const,
    );
    return {
      kind: "committed",
      path,
      attempt: result.attempt,
      statement: result.statement,
      reused: result.reused,
      outputs: { parameters: recordOf(parameters), artifacts: recordOf(artifacts) },
    };
  }

  /** Every task that is known so far. */
  statuses(): TaskStatus[] {
    const ended = [...this.evaluation.ends].map(([path, end]): TaskStatus => {
      const attempts = this.#tasks.get(path)?.attempts.length ?? 0;
      if (end.state === "skipped") return { path, state: "skipped", attempts, skip: end.skip };
      if (end.state === "failed") return { path, state: "failed", attempts, error: end.code };
      const committed = this.committedAnswer(path);
      return { path, state: "committed", attempts, ...(committed === undefined ? {} : { committed }) };
    });
    const due = [...this.evaluation.due.keys()].map((path): TaskStatus => {
      const attempts = this.#tasks.get(path)?.attempts ?? [];
      const live = attempts.some(({ failure }) => failure === undefined);
      return { path, state: live ? "granted" : "due", attempts: attempts.length };
    });
    return [...ended, ...due];
  }
}

/** Values that may leave in the clear: output parameters, and metadata of output artifacts by index. */
export interface ReleasedOutputs {
  readonly parameters: JsonObject;
  readonly artifacts: Readonly<Record<string, readonly JsonObject[]>>;
}

/** The type that a stand-in must have to look like the value. */
function typeOf(value: JsonValue): Parameters<typeof standIn>[0] {
  if (typeof value === "string") return "STRING";
  if (typeof value === "number") return "NUMBER_DOUBLE";
  if (typeof value === "boolean") return "BOOLEAN";
  return Array.isArray(value) ? "LIST" : "STRUCT";
}

/** A result in the interpreter's terms. */
function outputsOf(due: DueTask, { outputs, secrets }: CommittedResult): TaskOutputs {
  const metadataOf = (digest: Digest): JsonObject => secrets.artifacts[digest]?.metadata.value ?? {};
  return taskOutputs(due, outputs, {
    parameter: (name) => member(secrets.parameters, name)?.value ?? null,
    metadata: metadataOf,
  });
}

/** Stated outputs in the interpreter's terms, with values from wherever they are known. */
export function taskOutputs(
  due: DueTask,
  outputs: TaskResultStated["outputs"],
  values: {
    readonly parameter: (name: string) => JsonValue;
    readonly metadata: (artifact: Digest) => JsonObject;
  },
): TaskOutputs {
  const parameters = Object.keys(outputs.parameters).map((name) => [name, values.parameter(name)] as const);
  const stated = Object.entries(outputs.artifacts);
  // A list may be empty, and then no subject speaks of it.
  const empty = Object.entries(due.outputArtifacts).filter(
    ([name, { isArtifactList }]) => isArtifactList === true && member(outputs.artifacts, name) === undefined,
  );
  const artifacts = stated.map(([name, list]) => {
    const type = member(due.outputArtifacts, name)?.artifactType ?? {};
    const of = ({ digest }: { readonly digest: Digest }) => ({
      ...{ name, type, digest },
      uri: artifactUri(digest),
      metadata: values.metadata(digest),
    });
    return [name, list.map(of)] as const;
  });
  return {
    parameters: recordOf(parameters),
    artifacts: recordOf<readonly ArtifactValue[]>([
      ...artifacts,
      ...empty.map(([name]) => [name, []] as const),
    ]),
  };
}
