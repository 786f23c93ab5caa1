/** Inputs and outputs of a verified task, with the values that the bundle shows. */
import type { Digest, JsonValue } from "@sealflow/core";
import type { DueTask } from "@sealflow/pipeline";
import { member } from "../record.js";
import type { TaskResultStated } from "../statement/task-statement.js";
import type { Opened } from "./format.js";
import type { VerifiedTask } from "./verdict.js";

/** What is known of a task besides what its bundle shows. */
export interface ShownTask {
  readonly due: DueTask;
  /** Commitments to its inputs. */
  readonly parameters: Readonly<Record<string, Digest>>;
  readonly outputs: TaskResultStated["outputs"];
}

/** @param makerOf The task that made an artifact; null for an external input. */
export function shownOf(
  opened: Opened,
  of: ShownTask,
  makerOf: (artifact: Digest) => string | null,
): Required<Pick<VerifiedTask, "inputs" | "outputs">> {
  return {
    inputs: {
      parameters: parametersOf(of.parameters, opened.inputs),
      artifacts: mapped(of.due.inputs.artifacts, (list) =>
        list.map((each) => {
          const digest = each.digest as Digest;
          return { digest, from: makerOf(digest) };
        }),
      ),
    },
    outputs: {
      parameters: parametersOf(of.outputs.parameters, opened.parameters),
      artifacts: mapped(of.outputs.artifacts, (list) =>
        list.map(({ digest, type }) => {
          const shown = member(opened.metadata, digest);
          return { digest, type, ...(shown === undefined ? {} : { metadata: shown.value }) };
        }),
      ),
    },
  };
}

function parametersOf(
  commitments: Readonly<Record<string, Digest>>,
  values: Readonly<Record<string, { readonly value: JsonValue }>>,
) {
  return mapped(commitments, (commitment, name) => {
    const shown = member(values, name);
    return shown === undefined ? { commitment } : { commitment, value: shown.value };
  });
}

function mapped<From, To>(
  record: Readonly<Record<string, From>>,
  of: (value: From, name: string) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, of(value, name)]));
}
