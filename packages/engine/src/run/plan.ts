/** What kind of work a task is. */
import { SealflowError } from "@sealflow/core";
import type { ContainerExecutor, DueTask, ImporterExecutor } from "@sealflow/pipeline";
import { textDigest } from "../cache/key.js";
import { type PythonComponent, pythonComponent } from "../executors/wrapper.js";

/** A Python component with what is derived from its source once. */
export interface PythonWork extends PythonComponent {
  readonly kind: "python";
  readonly digest: ReturnType<typeof textDigest>;
  readonly container: ContainerExecutor;
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
 * @throws SealflowError `ENGINE_EXECUTOR_UNSUPPORTED`, `ENGINE_REQUIREMENTS_UNSUPPORTED`
 */
export function workOf(task: Pick<DueTask, "executor" | "executorLabel">): Work {
  const { container, importer } = task.executor;
  if (importer !== undefined) return { kind: "importer", importer };
  if (container === undefined) throw unsupported(task);
  const claim = claimActions[container.image];
  if (claim !== undefined) return { kind: "claim", action: claim };
  const present = known.get(container);
  if (present !== undefined) return present;
  const python = pythonComponent(container);
  const work: Work =
    python === undefined
      ? { kind: "container", container }
      : { kind: "python", ...python, digest: textDigest(python.source), container };
  known.set(container, work);
  return work;
}

function unsupported(task: Pick<DueTask, "executor" | "executorLabel">): SealflowError {
  const kind = Object.keys(task.executor)[0] ?? "nothing";
  return new SealflowError({
    code: "ENGINE_EXECUTOR_UNSUPPORTED",
    message: `executor ${task.executorLabel}: expected a container or an importer, got ${kind}`,
    hint: "Resolvers and custom jobs run on Vertex AI only.",
  });
}
