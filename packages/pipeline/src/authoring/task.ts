import { type JsonValue, SealflowError } from "@sealflow/core";
import { argumentFrom, belongsTo } from "./arguments.js";
import type { ArtifactDefinition, ParameterDefinition } from "./definitions.js";
import type {
  Dynamic,
  GroupNode,
  KubernetesSetting,
  ParameterNode,
  ResourceName,
  TaskNode,
} from "./graph.js";
import { type CpuQuantity, coresOf, gigabytesOf, type MemoryQuantity } from "./quantities.js";
import type { ArtifactListRef, ArtifactRef, ParameterRef, Text } from "./references.js";
import { currentScope, report, rootOf } from "./scope.js";
import { locationOf, traceCaller } from "./trace.js";
import type { AnyType, ListType, StringType, StructType } from "./value-types.js";

/** The elements of an output declared as a plain list may be wired anywhere. */
type Loosened<T> =
  T extends ListType<infer E>
    ? AnyType extends E
      ? ListType<never>
      : T
    : T extends StructType<infer F>
      ? AnyType extends F
        ? StructType<never>
        : T
      : T;

/** The reference that stands for an output or a pipeline's input. */
export type ReferenceOf<D> =
  D extends ParameterDefinition<infer T>
    ? ParameterRef<Loosened<T>>
    : D extends ArtifactDefinition<infer A, infer L>
      ? L extends true
        ? ArtifactListRef<A>
        : ArtifactRef<A>
      : never;

/** References by output name. */
export type OutputsOf<O> = { readonly [K in keyof O]: ReferenceOf<O[K]> };

type OnlyKey<K, All = K> = K extends unknown ? ([All] extends [K] ? K : never) : never;

/** The one output of a component that has exactly one. */
export type SingleOutput<O> = [keyof O] extends [OnlyKey<keyof O>] ? ReferenceOf<O[keyof O]> : never;

/** A value that may be fixed or come from another task. */
export type Settable<T> = T | ParameterRef<StringType>;

/** Retry settings. Durations are in seconds. */
export interface RetryOptions {
  /** How often the task is tried again after a failure; 0 or more. */
  readonly retries: number;
  /** Wait before the first retry. Default 0. */
  readonly delaySeconds?: number;
  /** Factor by which the wait grows. Default 2. */
  readonly factor?: number;
  /** The longest wait. Default 3600. */
  readonly maxDelaySeconds?: number;
}

/** Something that other tasks can be made to wait for. */
export interface Waitable {
  readonly waitNode: TaskNode | GroupNode;
}

/** A call of a component in a pipeline. Setters return the task itself. */
export class Task<O> implements Waitable {
  readonly waitNode: TaskNode;
  /** The task's outputs, to be passed on. */
  readonly outputs: OutputsOf<O>;

  constructor(node: TaskNode, outputs: OutputsOf<O>) {
    this.waitNode = node;
    this.outputs = outputs;
  }

  /** The task's name in its pipeline. */
  get name(): string {
    return this.waitNode.name;
  }

  /** The output of a component that has exactly one. */
  get output(): SingleOutput<O> {
    const all: readonly unknown[] = Object.values(this.outputs);
    if (all.length === 1) return all[0] as SingleOutput<O>;
    throw new SealflowError({
      code: "PIPELINE_OUTPUT_UNKNOWN",
      message: `${this.name}.output: expected a component with exactly one output, got ${all.length}`,
      where: locationOf(this.waitNode.where),
    });
  }

  /** Makes this task start only when the others have succeeded. */
  after(...others: readonly Waitable[]): this {
    this.waitNode.after.push(...others.map((other) => other.waitNode));
    return this;
  }

  /** The name that user interfaces show. */
  setDisplayName(name: string): this {
    this.waitNode.settings.displayName = name;
    return this;
  }

  /** Allows or forbids reusing earlier results; a key takes the place of the computed one. Default allowed. */
  setCaching(caching: boolean | { readonly key: string }): this {
    this.waitNode.settings.caching =
      typeof caching === "boolean" ? { enabled: caching } : { enabled: true, ...caching };
    return this;
  }

  /** Tries the task again when it fails. */
  setRetry(options: RetryOptions): this {
    const { retries, delaySeconds = 0, factor = 2, maxDelaySeconds = 3600 } = options;
    if (
      !Number.isSafeInteger(retries) ||
      retries < 0 ||
      delaySeconds < 0 ||
      maxDelaySeconds < 0 ||
      factor <= 0
    ) {
      this.report(
        this.setRetry,
        "PIPELINE_SETTING_INVALID",
        "setRetry: expected whole retries and positive numbers",
      );
    }
    this.waitNode.settings.retry = {
      count: retries,
      delay: `${delaySeconds}s`,
      factor,
      maxDelay: `${maxDelaySeconds}s`,
    };
    return this;
  }

  /** CPU to reserve and the most to use, in cores. */
  setCpu(options: {
    readonly request?: Settable<CpuQuantity>;
    readonly limit?: Settable<CpuQuantity>;
  }): this {
    this.setResource("cpu_request", options.request, this.setCpu);
    this.setResource("cpu_limit", options.limit, this.setCpu);
    return this;
  }

  /** Memory to reserve and the most to use. A number is bytes. */
  setMemory(options: {
    readonly request?: Settable<MemoryQuantity>;
    readonly limit?: Settable<MemoryQuantity>;
  }): this {
    this.setResource("memory_request", options.request, this.setMemory);
    this.setResource("memory_limit", options.limit, this.setMemory);
    return this;
  }

  /**
   * A device resource, for example `{ type: "nvidia.com/gpu", count: 1 }`. The count may be a quantity such as
   * `"64Mi"` for resources like `sgx.intel.com/epc`. Kubeflow allows one such resource per task.
   */
  setAccelerator(options: {
    readonly type: Settable<string>;
    readonly count: Settable<number | string>;
  }): this {
    this.setResource("accelerator_type", options.type, this.setAccelerator);
    this.setResource("accelerator_count", options.count, this.setAccelerator);
    return this;
  }

  /** An environment variable of the container. */
  setEnv(name: string, value: string): this {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      this.report(
        this.setEnv,
        "PIPELINE_SETTING_INVALID",
        `setEnv: ${JSON.stringify(name)} is not a variable name`,
      );
    }
    this.waitNode.settings.env[name] = value;
    return this;
  }

  /** Another image than the component's. */
  setImage(image: Settable<string> | Text): this {
    const dynamic = this.dynamic(image, this.setImage);
    if (dynamic !== undefined) this.waitNode.settings.image = dynamic;
    return this;
  }

  /** Runs the task even when the tasks before it have failed. Its inputs from them need defaults. */
  ignoreUpstreamFailure(): this {
    this.waitNode.settings.ignoreUpstreamFailure = true;
    return this;
  }

  /** Kubernetes options, made by the functions of `kubernetes`. */
  setKubernetes(...options: readonly KubernetesSetting[]): this {
    this.waitNode.settings.kubernetes.push(...options);
    return this;
  }

  private setResource(
    name: ResourceName,
    value: Settable<number | string> | undefined,
    caller: Setter,
  ): void {
    if (value === undefined) return;
    const dynamic = this.dynamic(typeof value === "number" ? String(value) : value, caller);
    if (dynamic === undefined) return;
    if (typeof dynamic === "string" && !isQuantity(name, dynamic)) {
      this.report(
        caller,
        "PIPELINE_SETTING_INVALID",
        `${name}: ${JSON.stringify(dynamic)} is not a quantity`,
      );
    }
    this.waitNode.settings.resources[name] = dynamic;
  }

  private dynamic(value: Settable<string> | Text, caller: Setter): Dynamic | undefined {
    const argument = argumentFrom(value);
    if (argument.kind === "template") return argument.template;
    if (argument.kind === "value") return this.ownParameter(argument.node as ParameterNode, caller);
    if (typeof argument.value === "string") return argument.value;
    this.report(
      caller,
      "PIPELINE_SETTING_INVALID",
      `expected text, got ${JSON.stringify(argument.value satisfies JsonValue)}`,
    );
    return undefined;
  }

  private ownParameter(node: ParameterNode, caller: Setter): ParameterNode | undefined {
    const { graph } = currentScope(`${this.name}: a setting`, traceCaller(caller));
    if (rootOf(this.waitNode) === graph.root && belongsTo(graph, node) && node.form === "parameter")
      return node;
    this.report(caller, "PIPELINE_SETTING_INVALID", "expected a parameter of the same pipeline");
    return undefined;
  }

  private report(caller: Setter, code: string, message: string): void {
    const where = traceCaller(caller);
    report(currentScope(message, where).graph, where, { code, message: `${this.name}: ${message}` });
  }
}

type Setter = (...args: never[]) => unknown;

function isQuantity(name: ResourceName, value: string): boolean {
  if (name.startsWith("cpu")) return coresOf(value) !== undefined;
  if (name.startsWith("memory")) return gigabytesOf(value) !== undefined;
  return name === "accelerator_type" ? value !== "" : gigabytesOf(value) !== undefined;
}
