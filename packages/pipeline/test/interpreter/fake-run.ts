import type { JsonObject, JsonValue } from "@sealflow/core";
import {
  type ArtifactValue,
  createInterpretation,
  type Decision,
  type DueTask,
  type PipelineSpec,
  type RunContext,
  type RunOutcome,
  type TaskOutputs,
  type TaskResult,
} from "@sealflow/pipeline";

/** What a fake component does with its inputs: output parameters, or an Error to fail with. */
export type Behaviour = (task: DueTask) => JsonObject;

/** How a run of fakes went. */
export interface FakeRun {
  readonly outcome: RunOutcome;
  /** State of each leaf by path, in code-unit order of the paths. */
  readonly states: Readonly<Record<string, string>>;
  /** Inputs of each leaf that ran. */
  readonly inputs: Readonly<Record<string, JsonObject>>;
  readonly tasks: Readonly<Record<string, DueTask>>;
  readonly decisions: readonly Decision[];
  readonly results: readonly TaskResult[];
  /** Most leaves due at once. */
  readonly width: number;
}

export const CONTEXT: RunContext = {
  runId: "00000000-0000-7000-8000-000000000001",
  runName: "test-run",
  createTime: "2026-01-02T03:04:05Z",
};

/** Which of the due tasks reports next. */
export type Order = (due: readonly string[]) => number;
export const oldestFirst: Order = () => 0;
export const newestFirst: Order = (due) => due.length - 1;

export interface FakeOptions {
  readonly parameters?: JsonObject;
  readonly context?: Partial<RunContext>;
  readonly order?: Order;
  readonly artifacts?: Record<string, ArtifactValue[]>;
  /** Cancels after so many results. */
  readonly cancelAfter?: number;
}

/** Runs a spec with fake components until its end, reporting results in the order asked for. */
export function fakeRun(spec: PipelineSpec, behaviour: Behaviour, options: FakeOptions = {}): FakeRun {
  const { parameters = {}, order = oldestFirst, artifacts } = options;
  const run = createInterpretation(spec, parameters, { ...CONTEXT, ...options.context }, artifacts);
  const due = new Map<string, DueTask>();
  const record = new Recorder();
  const take = (decisions: readonly Decision[]): void => {
    for (const decision of decisions) {
      record.decision(decision);
      if (decision.kind === "run") due.set(decision.task.path, decision.task);
    }
    record.width = Math.max(record.width, due.size);
  };
  take(run.start());
  for (let step = 0; run.outcome === undefined; step++) {
    if (step === options.cancelAfter) take(run.cancel());
    const paths = [...due.keys()];
    const task = due.get(paths[order(paths)] ?? "");
    if (task === undefined) {
      if (run.outcome !== undefined) break;
      throw new Error("the run has not ended and nothing is due");
    }
    due.delete(task.path);
    const result = resultOf(task, behaviour);
    record.result(result);
    take(run.apply(result));
  }
  return record.finish(run.outcome);
}

function resultOf(task: DueTask, behaviour: Behaviour): TaskResult {
  try {
    return { path: task.path, state: "SUCCEEDED", outputs: outputsOf(task, behaviour(task)) };
  } catch (error) {
    return {
      path: task.path,
      state: "FAILED",
      error: { code: "TEST_FAILED", message: error instanceof Error ? error.message : String(error) },
    };
  }
}

/** The behaviour's values for parameters, and an artifact with a telling URI for each artifact output. */
function outputsOf(task: DueTask, values: JsonObject): TaskOutputs {
  const parameters: Record<string, JsonValue> = {};
  for (const key of Object.keys(task.outputParameters)) parameters[key] = values[key] ?? null;
  const artifacts: Record<string, ArtifactValue[]> = {};
  for (const [key, definition] of Object.entries(task.outputArtifacts)) {
    const value = values[key];
    artifacts[key] = [
      {
        name: key,
        type: definition.artifactType,
        uri: typeof value === "string" ? value : `mem://${task.path}/${key}`,
        metadata: {},
      },
    ];
  }
  return { parameters, artifacts };
}

class Recorder {
  width = 0;
  private readonly states = new Map<string, string>();
  private readonly tasks: Record<string, DueTask> = {};
  private readonly decisions: Decision[] = [];
  private readonly results: TaskResult[] = [];

  decision(decision: Decision): void {
    this.decisions.push(decision);
    if (decision.kind === "run") this.tasks[decision.task.path] = decision.task;
    if (decision.kind === "skip" && decision.leaf) this.once(decision.path, "SKIPPED");
    if (decision.kind === "fail" && decision.leaf) this.once(decision.path, "FAILED");
  }

  result(result: TaskResult): void {
    this.results.push(result);
    this.once(result.path, result.state);
  }

  finish(outcome: RunOutcome): FakeRun {
    const sorted = [...this.states].sort(([a], [b]) => (a < b ? -1 : 1));
    const inputs = Object.entries(this.tasks).map(([path, task]) => [path, task.inputs.parameters] as const);
    return {
      outcome,
      states: Object.fromEntries(sorted),
      inputs: Object.fromEntries(inputs),
      tasks: this.tasks,
      decisions: this.decisions,
      results: this.results,
      width: this.width,
    };
  }

  private once(path: string, state: string): void {
    if (this.states.has(path)) throw new Error(`${path} ended twice`);
    this.states.set(path, state);
  }
}
