/** Placeholders in a component's strings, resolved for one task. */
import { SealflowError } from "@sealflow/core";
import type { ContainerExecutor, DueTask } from "@sealflow/pipeline";
import type { OutputPlaces } from "../executors/outputs.js";
import type { RunInProgress } from "./run-context.js";

/** Resolves a string that may hold placeholders of inputs and of the run. */
export function resolver(_run: RunInProgress, _task: DueTask): (text: string) => string {
  return (text) => {
    if (!text.includes("{{$")) return text;
    throw new SealflowError({ code: "ENGINE_EXECUTOR_UNSUPPORTED", message: `placeholder ${text}` });
  };
}

/** Command and arguments of a container. */
export function commandLine(
  run: RunInProgress,
  task: DueTask,
  { container }: { readonly places: OutputPlaces; readonly container: ContainerExecutor },
): [command: string[], args: string[]] {
  const resolve = resolver(run, task);
  return [(container.command ?? []).map(resolve), (container.args ?? []).map(resolve)];
}
