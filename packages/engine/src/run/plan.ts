/** What kind of work a task is. */
import { SealflowError } from "@sealflow/core";
import {
  type ContainerExecutor,
  type DueTask,
  type ImporterExecutor,
  reachableSource,
} from "@sealflow/pipeline";
import { textDigest } from "../cache/key.js";
import { containerizedFunction, directoryComponent } from "../executors/containerized.js";
import { type PythonComponent, pythonComponent } from "../executors/wrapper.js";

/** A Python component with what is derived from its source once. */
export interface PythonWork extends PythonComponent {
  readonly kind: "python";
  readonly digest: ReturnType<typeof textDigest>;
  /** Of what the function can reach in the source: the cache knows it by this. */
  readonly reach: ReturnType<typeof textDigest>;
  readonly container: ContainerExecutor;
  /** Where the source stands already, beside files that it may import. */
  readonly file?: string;
}

/** Work by kind. */
export type Work =
  | PythonWork
  | { readonly kind: "container"; readonly container: ContainerExecutor }
  | { readonly kind: "claim"; readonly action: "create" | "delete" }
  | { readonly kind: "importer"; readonly importer: ImporterExecutor };

/** Images that stand for making and removing volume claims. Source: backend/src/v2/driver, k8s.go. */
const claimActions: Readonly<Record<string, "create" | "delete">> = {
  "argostub/createpvc": "create",
  "argostub/deletepvc": "delete",
};

// Executors are parts of the spec, shared by all tasks that use them: each is looked into once.
const known = new WeakMap<ContainerExecutor, Work>();

/**
 * The work behind a task.
 *
 * @param directory Where the code of containerized components may be; none are looked for without.
 * @throws SealflowError `ENGINE_EXECUTOR_UNSUPPORTED`, `ENGINE_REQUIREMENTS_UNSUPPORTED`
 */
export function workOf(task: Pick<DueTask, "executor" | "executorLabel">, directory?: string): Work {
  const { container, importer } = task.executor;
  if (importer !== undefined) return { kind: "importer", importer };
  if (container === undefined) throw unsupported(task);
  const claim = claimActions[container.image];
  if (claim !== undefined) return { kind: "claim", action: claim };
  const present = known.get(container);
  if (present !== undefined) return present;
  const local = directory === undefined ? undefined : directoryWork(container, directory);
  if (local !== undefined) return local;
  const python = pythonComponent(container);
  const work: Work = python === undefined ? { kind: "container", container } : pythonWork(python, container);
  known.set(container, work);
  return work;
}

/** A containerized component whose code is at hand. Read each time: between runs the files change. */
function directoryWork(container: ContainerExecutor, directory: string): PythonWork | undefined {
  const name = containerizedFunction(container);
  const found = name === undefined ? undefined : directoryComponent(directory, name);
  return found === undefined ? undefined : { kind: "python", ...found, reach: found.digest, container };
}

function pythonWork(python: PythonComponent, container: ContainerExecutor): PythonWork {
  const reach = textDigest(reachableSource(python.source, python.function));
  return { kind: "python", ...python, digest: textDigest(python.source), reach, container };
}

function unsupported(task: Pick<DueTask, "executor" | "executorLabel">): SealflowError {
  const kind = Object.keys(task.executor)[0] ?? "nothing";
  return new SealflowError({
    code: "ENGINE_EXECUTOR_UNSUPPORTED",
    message: `executor ${task.executorLabel}: expected a container or an importer, got ${kind}`,
    hint: "Resolvers and custom jobs run on Vertex AI only.",
  });
}
