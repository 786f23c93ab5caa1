import type { JsonObject, SealflowError } from "@sealflow/core";
import type { ComponentFile } from "../../components/component-file.js";
import { embeddedContainer } from "../../components/embed.js";
import type { ComponentSpec, ExecutorSpec, PipelineDocument } from "../../ir/types.js";
import type { Graph, GroupNode, TaskNode } from "../graph.js";
import { report } from "../scope.js";
import { embedDocument } from "./embed-document.js";
import { type BaseContainer, containerExecutor, importerExecutor, staticContainer } from "./executor.js";
import { GraphCompiler } from "./graph-compiler.js";
import { interfaceOf } from "./interface.js";
import { kubernetesConfig } from "./kubernetes-config.js";
import type { TaskInputsBuilder } from "./task-spec.js";

/** Python component files by the URL that their generated TypeScript names. */
export type Sources = Readonly<Record<string, ComponentFile>>;

/** What a document holds besides its root: components and executors, each under a unique name, each once. */
export class Registry {
  readonly components: Record<string, ComponentSpec> = {};
  readonly executors: Record<string, ExecutorSpec> = {};
  readonly platformExecutors: Record<string, JsonObject> = {};
  readonly findings: SealflowError[] = [];
  private readonly sources: Sources;
  private readonly named = new Map<string, string>();
  private readonly identities = new Map<object, number>();
  private readonly graphs = new Map<Graph, ComponentSpec>();
  private readonly documents = new Map<PipelineDocument, ComponentSpec>();
  private readonly containers = new Map<object, BaseContainer>();

  constructor(sources: Sources) {
    this.sources = sources;
  }

  /** The DAG component of a pipeline; the findings of its graph join the document's. */
  graph(graph: Graph): ComponentSpec {
    const known = this.graphs.get(graph);
    if (known !== undefined) return known;
    // Findings of this compilation stay out of the graph: it may be compiled again.
    const view: Graph = { ...graph, findings: [...graph.findings] };
    const compiled = new GraphCompiler(view, this).compile();
    this.findings.push(...view.findings);
    this.graphs.set(graph, compiled);
    return compiled;
  }

  /**
   * Prepares a task's component: settings that come from run-time values become inputs of the task now. The function
   * returned registers the component and gives its name. Tasks that differ in nothing share one.
   */
  draft(task: TaskNode, inputs: TaskInputsBuilder, graph: Graph): () => string {
    const { component, settings } = task;
    const { implementation } = component;
    const passthroughs = component.taskConfigPassthroughs ?? [];
    const spec = {
      ...interfaceOf(component.inputs, component.outputs),
      ...(passthroughs.length === 0 ? {} : { taskConfigPassthroughs: passthroughs }),
    };
    if (implementation.kind === "pipeline") {
      this.refuseContainerSettings(task, graph);
      return () => this.add(task.name, this.graph(implementation.graph()));
    }
    if (implementation.kind === "document") {
      this.refuseContainerSettings(task, graph);
      return () => this.add(task.name, this.document(implementation.document));
    }
    if (implementation.kind === "importer") {
      this.refuseContainerSettings(task, graph);
      return () => this.addExecuted(task.name, spec, { executor: importerExecutor(implementation) });
    }
    const executor = containerExecutor(this.container(task, graph), settings, (value, name) =>
      inputs.dynamic(value, name),
    );
    const platform = kubernetesConfig(settings.kubernetes, (node) => inputs.platform(node));
    return () => this.addExecuted(task.name, spec, { executor, platform });
  }

  /** Registers a group's component under the group's name. */
  addGroup(group: GroupNode, spec: ComponentSpec): string {
    return this.unique(group.name, spec);
  }

  private document(document: PipelineDocument): ComponentSpec {
    const known = this.documents.get(document);
    if (known !== undefined) return known;
    const embedded = embedDocument(document, {
      addExecutor: (label, executor, platform) => this.addExecutor(label, executor, platform),
      addComponent: (name, spec) => {
        const unique = uniqueName(name, this.components);
        this.components[unique] = spec;
        return unique;
      },
    });
    this.documents.set(document, embedded);
    return embedded;
  }

  private addExecutor(name: string, executor: ExecutorSpec, platform: JsonObject | undefined): string {
    const label = uniqueName(name, this.executors);
    this.executors[label] = executor;
    if (platform !== undefined && Object.keys(platform).length > 0) this.platformExecutors[label] = platform;
    return label;
  }

  private container(task: TaskNode, graph: Graph): BaseContainer {
    const { implementation } = task.component;
    const known = staticContainer(implementation) ?? this.containers.get(task.component);
    if (known !== undefined) return known;
    if (implementation.kind !== "python") return { image: "" };
    const embedded = embeddedContainer(implementation, this.sources[implementation.source]);
    if ("problem" in embedded) report(graph, task.where, embedded.problem);
    const container = "problem" in embedded ? { image: "" } : embedded;
    this.containers.set(task.component, container);
    return container;
  }

  private refuseContainerSettings(task: TaskNode, graph: Graph): void {
    const { resources, env, image, kubernetes } = task.settings;
    const set = [...Object.keys(resources), ...Object.keys(env), ...kubernetes.map(({ member }) => member)];
    if (set.length === 0 && image === undefined) return;
    report(graph, task.where, {
      code: "PIPELINE_SETTING_INVALID",
      message: `${task.name}: resources, environment, image and Kubernetes options are for tasks that run a container`,
    });
  }

  private addExecuted(
    task: string,
    spec: ComponentSpec,
    { executor, platform }: { readonly executor: ExecutorSpec; readonly platform?: JsonObject },
  ): string {
    const key = JSON.stringify([spec, this.identified(executor), platform]);
    const known = this.named.get(key);
    if (known !== undefined) return known;
    const label = this.addExecutor(`exec-${task}`, executor, platform);
    const name = this.unique(task, { ...spec, executorLabel: label });
    this.named.set(key, name);
    return name;
  }

  /** Replaces the embedded source, which is long, by a number that stands for it. */
  private identified(executor: ExecutorSpec): unknown {
    const command = executor.container?.command;
    if (command === undefined) return executor;
    const identity = this.identities.get(command) ?? this.identities.size;
    this.identities.set(command, identity);
    return { ...executor, container: { ...executor.container, command: identity } };
  }

  private add(task: string, spec: ComponentSpec): string {
    const key = JSON.stringify(spec);
    const known = this.named.get(key) ?? this.unique(task, spec);
    this.named.set(key, known);
    return known;
  }

  private unique(task: string, spec: ComponentSpec): string {
    const name = uniqueName(`comp-${task}`, this.components);
    this.components[name] = spec;
    return name;
  }
}

function uniqueName(name: string, taken: object): string {
  if (!Object.hasOwn(taken, name)) return name;
  let index = 2;
  while (Object.hasOwn(taken, `${name}-${index}`)) index += 1;
  return `${name}-${index}`;
}
