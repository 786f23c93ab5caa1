/** A run as those see it who know only what is public: evaluated with stand-ins for hidden values. */
import type { Digest, JsonObject, JsonValue } from "@sealflow/core";
import type { DueTask, PipelineDocument } from "@sealflow/pipeline";
import { taskOutputs } from "../broker/run-state.js";
import { member } from "../record.js";
import type { Registration } from "../registration.js";
import { RunEvaluation } from "../run/evaluation.js";
import { type StandInSet, standIn } from "../run/stand-in.js";
import { staticPath } from "../run/static-analysis.js";
import type { TaskResultStated } from "../statement/task-statement.js";
import type { Opened } from "./format.js";

/**
 * Two evaluations of one run, which differ in their stand-ins for hidden values. Control flow is the same in both and in
 * the broker's, because what decides it is declassified; an input that is the same in both does not depend on anything
 * hidden.
 */
export class PublicView {
  readonly registration: Registration;
  readonly first: RunEvaluation;
  readonly #second: RunEvaluation;

  constructor(registration: Registration, document: PipelineDocument) {
    this.registration = registration;
    this.first = new RunEvaluation(registration, document);
    this.#second = new RunEvaluation(registration, document);
  }

  due(path: string): DueTask | undefined {
    return this.first.due.get(path);
  }

  /** The same task under the other stand-ins. */
  other(path: string): DueTask | undefined {
    return this.#second.due.get(path);
  }

  /** True for an output that the bundle shows: it may leave, or it decided what ran. */
  shows(path: string, output: string): boolean {
    const name = `${staticPath(path)}/${output}`;
    const { release, declassify } = this.registration;
    return release.includes(name) || declassify.includes(name);
  }

  /** @throws SealflowError `INTERPRETER_RESULT_UNEXPECTED` */
  succeed(path: string, outputs: TaskResultStated["outputs"], opened: Opened): void {
    for (const [evaluation, set] of [
      [this.first, "first"],
      [this.#second, "second"],
    ] as const) {
      const due = evaluation.due.get(path);
      if (due !== undefined)
        evaluation.succeed(path, taskOutputs(due, outputs, valuesOf(due, { outputs, opened, set })));
    }
  }

  fail(path: string, code: string): void {
    this.first.fail(path, code);
    this.#second.fail(path, code);
  }
}

function valuesOf(
  due: DueTask,
  from: { readonly outputs: TaskResultStated["outputs"]; readonly opened: Opened; readonly set: StandInSet },
) {
  const { outputs, opened, set } = from;
  return {
    parameter: (name: string): JsonValue => {
      const shown = member(opened.parameters, name);
      if (shown !== undefined) return shown.value;
      const type = member(due.outputParameters, name)?.parameterType ?? "STRING";
      return standIn(type, member(outputs.parameters, name) ?? "sha256:", set);
    },
    metadata: (artifact: Digest): JsonObject => {
      const shown = member(opened.metadata, artifact);
      return shown?.value ?? (set === "first" ? {} : { hidden: artifact });
    },
  };
}
