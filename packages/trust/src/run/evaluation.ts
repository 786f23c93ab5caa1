/** A registered run as the interpreter sees it: what is due, from what has been committed. Broker and verifier share it. */
import type { Digest, JsonObject, JsonValue } from "@sealflow/core";
import {
  type ArtifactValue,
  createInterpretation,
  type Decision,
  type DueTask,
  executorInputOf,
  type Interpretation,
  type PipelineDocument,
  type RunContext,
  type RunOutcome,
  resolvePlaceholder,
  type TaskOutputs,
  type TaskResult,
  taskIdOf,
} from "@sealflow/pipeline";
import type { SkipProof } from "../protocol/messages.js";
import { member, recordOf } from "../record.js";
import type { Registration } from "../registration.js";

/** How a leaf task ended. */
export type TaskEnd =
  | { readonly state: "succeeded"; readonly outputs: TaskOutputs }
  | { readonly state: "failed"; readonly code: string }
  | { readonly state: "skipped"; readonly skip: SkipProof };

/** The URI under which the interpreter knows a sealed artifact. */
export function artifactUri(digest: Digest): string {
  return `sealed:${digest}`;
}

/** What a run's meaning may depend on besides its spec, parameters and results. */
export function runContextOf(registration: Registration): RunContext {
  return {
    runId: registration.runId,
    runName: registration.runName,
    createTime: registration.createdAt,
    pipelineRoot: "",
    caching: registration.reuse,
  };
}

/** A run that advances by committed results. Importers are not run: the registered inputs are their outputs. */
export class RunEvaluation {
  readonly registration: Registration;
  readonly document: PipelineDocument;
  readonly #run: Interpretation;
  readonly #due = new Map<string, DueTask>();
  readonly #ends = new Map<string, TaskEnd>();

  /** @throws SealflowError `PIPELINE_PARAMETER_…`, `PIPELINE_ARTIFACT_…` */
  constructor(registration: Registration, document: PipelineDocument) {
    this.registration = registration;
    this.document = document;
    const context = runContextOf(registration);
    const artifacts = inputArtifacts(registration, document);
    this.#run = createInterpretation(document.spec, registration.parameters, context, artifacts);
    this.#take(this.#run.start());
  }

  /** Leaf tasks that may run now, by path, in the order in which they became due. */
  get due(): ReadonlyMap<string, DueTask> {
    return this.#due;
  }

  /** Leaf tasks that have ended, by path, in that order. */
  get ends(): ReadonlyMap<string, TaskEnd> {
    return this.#ends;
  }

  get outcome(): RunOutcome | undefined {
    return this.#run.outcome;
  }

  /** @throws SealflowError `INTERPRETER_RESULT_UNEXPECTED` when it is not due or the outputs are not the declared ones. */
  succeed(path: string, outputs: TaskOutputs): void {
    this.#apply({ path, state: "SUCCEEDED", outputs }, { state: "succeeded", outputs });
  }

  /** @throws SealflowError `INTERPRETER_RESULT_UNEXPECTED` */
  fail(path: string, code: string): void {
    const error = { code: "TRUST_TASK_FAILED", message: `${path}: ${code}` };
    this.#apply({ path, state: "FAILED", error }, { state: "failed", code });
  }

  #apply(result: TaskResult, end: TaskEnd): void {
    const decisions = this.#run.apply(result);
    this.#due.delete(result.path);
    this.#ends.set(result.path, end);
    this.#take(decisions);
  }

  #take(decisions: readonly Decision[]): void {
    const importers: DueTask[] = [];
    for (const decision of decisions) {
      if (decision.kind === "run") {
        this.#due.set(decision.task.path, decision.task);
        if (decision.task.executor.importer !== undefined) importers.push(decision.task);
      }
      if (decision.kind === "skip" && decision.leaf) {
        this.#ends.set(decision.path, { state: "skipped", skip: skipProof(decision.reason) });
      }
      if (decision.kind === "fail" && decision.leaf) {
        this.#ends.set(decision.path, { state: "failed", code: decision.error.code });
      }
    }
    for (const task of importers) this.#import(task);
  }

  #import(task: DueTask): void {
    const digest = member(this.registration.inputs, task.path);
    const [output] = Object.keys(task.outputArtifacts);
    if (digest === undefined || output === undefined) {
      this.fail(task.path, "TRUST_INPUT_UNREGISTERED");
      return;
    }
    const { typeSchema, metadata = {} } = task.executor.importer ?? { typeSchema: {} };
    const artifact: ArtifactValue = {
      name: output,
      type: typeSchema,
      uri: artifactUri(digest),
      metadata: expanded(metadata, task, runContextOf(this.registration)),
      digest,
    };
    this.succeed(task.path, { parameters: {}, artifacts: recordOf([[output, [artifact]]]) });
  }
}

function inputArtifacts(registration: Registration, { spec }: PipelineDocument) {
  const definitions = spec.root.inputDefinitions?.artifacts ?? {};
  const entries = Object.entries(definitions).flatMap(([name, definition]): [string, ArtifactValue[]][] => {
    const digest = member(registration.inputs, name);
    if (digest === undefined) return [];
    const artifact = { name, type: definition.artifactType, uri: artifactUri(digest), metadata: {}, digest };
    return [[name, [artifact]]];
  });
  return recordOf(entries);
}

function skipProof(reason: Extract<Decision, { kind: "skip" }>["reason"]): SkipProof {
  if (reason.kind === "condition-false") return reason;
  if (reason.kind === "dependency") return reason;
  // A registered run is never canceled: what the control plane stops stays unfinished.
  throw new TypeError("evaluation: expected no cancellation");
}

/** Metadata of an importer with its placeholders resolved. */
function expanded(metadata: JsonObject, task: DueTask, run: RunContext): JsonObject {
  const executorInput = executorInputOf(task, {
    outputFile: "",
    outputParameter: () => "",
    outputArtifact: () => "",
  });
  const scope = { executorInput, run, taskName: task.taskName, taskId: taskIdOf(run.runId, task.path) };
  const text = (value: string) => (value.includes("{{$") ? resolvePlaceholder(value, scope) : value);
  const deep = (value: JsonValue): JsonValue => {
    if (typeof value === "string") return text(value);
    if (Array.isArray(value)) return value.map(deep);
    if (typeof value !== "object" || value === null) return value;
    return recordOf(Object.entries(value).map(([key, item]) => [text(key), deep(item)] as const));
  };
  return recordOf(Object.entries(metadata).map(([key, item]) => [text(key), deep(item)] as const));
}
