/**
 * The confidential overlay: a KFP v2 spec in, the same spec out with every executor's pod in a measured enclave on the
 * SGX nodes. Tasks, their names and their wiring stay as they are, so that it means what it meant.
 */
import { type Digest, isJsonObject, type JsonObject } from "@sealflow/core";
import type {
  ComponentSpec,
  ContainerExecutor,
  ExecutorSpec,
  PipelineDocument,
  PipelineSpec,
  PlatformSpec,
  TaskSpec,
} from "@sealflow/pipeline";
import { containerDigest, type ImageLock } from "../image/lock.js";
import { AKS_SGX_POOL, DEPOT_DIRECTORY, type OverlayOptions, type SgxPool } from "./options.js";
import { protectedPlatform, withoutDepot } from "./platform.js";
import { type OverlayReason, obstacles, simulatedImage, specialExecutor, withoutImage } from "./reasons.js";
import {
  componentOf,
  type DagFrame,
  decisionOutputs,
  type VisibleParameter,
  visibleParameters,
} from "./visible.js";

/** How far a task is protected. */
export interface TaskProtection {
  /** Path of task names from the root, without loop indices. */
  readonly path: string;
  readonly executor: string;
  /** `simulated`: as protected, and it protects nothing. `no-pod`: nothing of the user runs for it (importers). */
  readonly state: "protected" | "simulated" | "unprotected" | "no-pod";
  /** Digest that the trust policy demands of the component. */
  readonly component?: Digest;
  readonly image?: string;
  /** Why it can't be protected. */
  readonly reasons: readonly OverlayReason[];
  /** Parameters that cross the control plane: public by design there. */
  readonly visible: readonly VisibleParameter[];
}

/** What the overlay could protect and what not. */
export interface OverlayReport {
  /** Every task that runs code is protected, but for those that were exempted. */
  readonly ok: boolean;
  readonly tasks: readonly TaskProtection[];
  /** Outputs that conditions and loops need in the clear: `task/output`, for the trust policy's `declassify`. */
  readonly declassify: readonly string[];
  /** What stays as it is: exempted executors. */
  readonly exempted: readonly string[];
}

/** The new document and the report on it. */
export interface OverlayResult {
  readonly document: PipelineDocument;
  readonly report: OverlayReport;
}

interface Plan {
  readonly label: string;
  readonly state: TaskProtection["state"];
  readonly reasons: readonly OverlayReason[];
  readonly lock?: ImageLock;
  readonly component?: Digest;
}

/** Images of dummy executors for which Kubeflow's driver itself acts. */
const driverImages = new Set(["argostub/createpvc", "argostub/deletepvc"]);

/**
 * Makes a spec confidential as far as it can be. The caller decides on `report.ok`: what is not protected is left as it
 * was.
 */
export async function confidentialOverlay(
  document: PipelineDocument,
  options: OverlayOptions,
): Promise<OverlayResult> {
  const { spec, platform } = document;
  const pool = options.pool ?? AKS_SGX_POOL;
  const executors = spec.deploymentSpec.executors ?? {};
  const plans = new Map<string, Plan>();
  for (const [label, executor] of Object.entries(executors)) {
    const settings = executorPlatform(platform, label);
    plans.set(label, await planOf({ label, executor, settings }, options, pool));
  }
  const found = tasksOf(spec, plans);
  const exempted = (options.unprotected ?? []).filter((label) => plans.get(label)?.state === "unprotected");
  const open = found.tasks.filter(
    ({ state, executor }) => state === "unprotected" && !exempted.includes(executor),
  );
  const locks = [...plans.values()].filter(({ lock }) => lock !== undefined);
  const fresh: PipelineDocument = {
    spec: withoutCaching({
      ...spec,
      deploymentSpec: {
        ...spec.deploymentSpec,
        executors: mapValues(executors, (executor, label) =>
          executorOf(executor, plans.get(label), options, pool),
        ),
      },
    }),
    ...(locks.length === 0
      ? platform === undefined
        ? {}
        : { platform }
      : {
          platform: protectedPlatform(
            platform,
            locks.map(({ label }) => label),
            { pool, depot: options.depot },
          ),
        }),
  };
  return { document: fresh, report: { ok: open.length === 0, ...found, exempted } };
}

interface ExecutorAt {
  readonly label: string;
  readonly executor: ExecutorSpec;
  readonly settings: JsonObject;
}

async function planOf(
  { label, executor, settings }: ExecutorAt,
  options: OverlayOptions,
  pool: SgxPool,
): Promise<Plan> {
  const { container } = executor;
  if (container === undefined) {
    const reasons = specialExecutor(executor);
    return { label, state: reasons.length > 0 ? "unprotected" : "no-pod", reasons };
  }
  if (driverImages.has(container.image)) return { label, state: "no-pod", reasons: [] };
  const hindrances = obstacles(executor, withoutDepot(settings, options.depot), pool.epcResource);
  const { lock, baked } = await lockOf(label, container, options.images);
  const simulated = lock?.enclave === null;
  const reasons = [
    ...hindrances,
    ...(lock === undefined ? withoutImage(container, baked) : []),
    ...(simulated && options.quotes === undefined ? simulatedImage : []),
  ];
  if (lock === undefined || reasons.length > 0) return { label, state: "unprotected", reasons };
  const component = lock.executors[label]?.component;
  const state = simulated ? "simulated" : "protected";
  return { label, state, reasons, lock, ...(component === undefined ? {} : { component }) };
}

/** The image that holds the very container of this executor; or the executor is in one of the images already. */
async function lockOf(
  label: string,
  container: ContainerExecutor,
  images: readonly ImageLock[],
): Promise<{ readonly lock?: ImageLock; readonly baked: "other" | "none" }> {
  const candidates = images.filter(({ executors }) => Object.hasOwn(executors, label));
  const already = candidates.find(
    ({ image, command }) => image === container.image && sameWords(command, container.command ?? []),
  );
  if (already !== undefined) return { lock: already, baked: "none" };
  const digest = await containerDigest(container);
  const lock = candidates.find(({ executors }) => executors[label]?.container === digest);
  const baked = candidates.length > 0 ? "other" : "none";
  return lock === undefined ? { baked } : { lock, baked };
}

function sameWords(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((word, index) => word === b[index]);
}

function executorOf(
  executor: ExecutorSpec,
  plan: Plan | undefined,
  options: OverlayOptions,
  pool: SgxPool,
): ExecutorSpec {
  const { container } = executor;
  if (container === undefined || plan?.lock === undefined) return executor;
  const { image, command, epc } = plan.lock;
  const count = String(epc);
  const resources = {
    ...container.resources,
    ...(epc === 0
      ? {}
      : {
          accelerator: {
            type: pool.epcResource,
            count,
            resourceType: pool.epcResource,
            resourceCount: count,
          },
        }),
  };
  return {
    container: {
      image,
      command,
      args: shimArguments(plan.label, plan.lock, options),
      ...(Object.keys(resources).length === 0 ? {} : { resources }),
    },
  };
}

/** Arguments of the shim outside the enclave: the enclave's own are part of its measurement. */
function shimArguments(label: string, lock: ImageLock, options: OverlayOptions): string[] {
  const { broker, runId, quotes, depot } = options;
  const optional = (flag: string, value: string | undefined) => (value === undefined ? [] : [flag, value]);
  const simulated = lock.enclave === null ? quotes : undefined;
  return [
    ...["--executor-input", "{{$}}", "--executor", label, "--broker", broker.url],
    ...optional("--broker-pin", broker.pin),
    ...optional("--run", runId),
    ...optional("--depot", depot === undefined ? undefined : DEPOT_DIRECTORY),
    ...optional("--quotes", simulated?.url),
    ...optional("--quotes-token", simulated?.token),
    ...optional("--quotes-pin", simulated?.pin),
  ];
}

/** Kubeflow's cache knows names of artifacts, not their content, and a hit would skip the statement. */
function withoutCaching(spec: PipelineSpec): PipelineSpec {
  const component = (each: ComponentSpec): ComponentSpec =>
    each.dag === undefined
      ? each
      : { ...each, dag: { ...each.dag, tasks: mapValues(each.dag.tasks, uncached) } };
  return {
    ...spec,
    root: component(spec.root),
    ...(spec.components === undefined ? {} : { components: mapValues(spec.components, component) }),
  };
}

function uncached(task: TaskSpec): TaskSpec {
  return { ...task, cachingOptions: {} };
}

/** Every task that ends at an executor, wherever its DAG is used. */
function tasksOf(
  spec: PipelineSpec,
  plans: ReadonlyMap<string, Plan>,
): { readonly tasks: readonly TaskProtection[]; readonly declassify: readonly string[] } {
  const tasks: TaskProtection[] = [];
  const declassify = new Set<string>();
  const visit = (frame: DagFrame): void => {
    for (const output of decisionOutputs(spec, frame)) declassify.add(output);
    for (const [name, task] of Object.entries(frame.dag.tasks)) {
      const component = componentOf(spec, task);
      const path = [...frame.path, name];
      if (component?.dag !== undefined) visit({ path, dag: component.dag, task, parent: frame });
      const plan = plans.get(component?.executorLabel ?? "");
      if (plan !== undefined) tasks.push(protection(path.join("/"), task, plan));
    }
  };
  if (spec.root.dag !== undefined) visit({ path: [], dag: spec.root.dag });
  return { tasks, declassify: [...declassify].sort() };
}

function protection(path: string, task: TaskSpec, plan: Plan): TaskProtection {
  return {
    path,
    executor: plan.label,
    state: plan.state,
    ...(plan.component === undefined ? {} : { component: plan.component }),
    ...(plan.lock === undefined ? {} : { image: plan.lock.image }),
    reasons: plan.reasons,
    visible: visibleParameters(task),
  };
}

function executorPlatform(platform: PlatformSpec | undefined, label: string): JsonObject {
  const executors = platform?.platforms.kubernetes?.deploymentSpec?.executors ?? {};
  const settings = Object.hasOwn(executors, label) ? executors[label] : undefined;
  return isJsonObject(settings) ? settings : {};
}

function mapValues<T, U>(
  record: Readonly<Record<string, T>>,
  change: (value: T, key: string) => U,
): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}
