/** A task's executor input, and its strings with their placeholders resolved from it. */
import { fileURLToPath } from "node:url";
import {
  type ContainerExecutor,
  type DueTask,
  type ExecutorInput,
  executorInputOf,
  type PlaceholderScope,
  resolvePlaceholder,
  resolvePlaceholders,
  taskIdOf,
} from "@sealflow/pipeline";
import type { OutputPlaces } from "../executors/outputs.js";
import type { RunInProgress } from "./run-context.js";

/** Where outputs go when only inputs are asked for. */
const nowhere = { executorOutput: "", parameter: () => "", artifact: () => "" };

/** KFP's executor input. Artifacts of this machine are named by plain paths, as the component runtimes expect. */
export function executorInput(
  task: DueTask,
  places: Pick<OutputPlaces, "executorOutput" | "parameter" | "artifact">,
): ExecutorInput {
  return executorInputOf(task, {
    outputFile: places.executorOutput,
    outputParameter: places.parameter,
    outputArtifact: places.artifact,
    inputArtifact: ({ uri }) => (uri.startsWith("file:") ? fileURLToPath(uri) : uri),
  });
}

function scopeOf(
  run: RunInProgress,
  task: DueTask,
  places: Parameters<typeof executorInput>[1],
): PlaceholderScope {
  return {
    executorInput: executorInput(task, places),
    run: run.context,
    taskName: task.taskName,
    get taskId() {
      return taskIdOf(run.context.runId, task.path);
    },
  };
}

/** Resolves strings that may speak of inputs and of the run: images, variables, quantities. */
export function resolver(run: RunInProgress, task: DueTask): (text: string) => string {
  let scope: PlaceholderScope | undefined;
  return (text) => {
    if (!text.includes("{{$")) return text;
    scope ??= scopeOf(run, task, nowhere);
    return resolvePlaceholder(text, scope);
  };
}

/** Command and arguments of a container for one attempt. */
export function commandLine(
  run: RunInProgress,
  task: DueTask,
  { places, container }: { readonly places: OutputPlaces; readonly container: ContainerExecutor },
): [command: string[], args: string[]] {
  const scope = scopeOf(run, task, places);
  const { command = [], args = [] } = container;
  return [resolvePlaceholders(command, scope), resolvePlaceholders(args, scope)];
}
