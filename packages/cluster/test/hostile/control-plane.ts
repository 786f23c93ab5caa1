/**
 * A control plane that starts pods as Kubeflow's driver and launcher do, by the overlay's spec: it decides what runs, hands
 * over executor inputs, stores what pods leave. What it may know is what it is shown; what it says is its own affair.
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { JsonObject, JsonValue } from "@sealflow/core";
import {
  type ArtifactValue,
  type ComponentSpec,
  createInterpretation,
  type Decision,
  type DueTask,
  executorInputOf,
  type PipelineDocument,
  type TaskOutputs,
} from "@sealflow/pipeline";
import { testPython } from "../../../../test-support/python.js";

/** What came of a pod. */
export interface PodEnd {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a pod differs from what the overlay's spec says. */
export interface PodChange {
  /** Replaces flags of the shim; null takes one away. */
  readonly flags?: Readonly<Record<string, string | null>>;
  /** Changes the executor input. */
  readonly input?: (input: JsonObject) => JsonObject;
  /** Files of input artifacts, whatever was made by whom. */
  readonly files?: readonly string[];
  /** Directory of another image. */
  readonly image?: string;
}

/** A pod that was started. */
export interface Pod {
  readonly id: string;
  /** Where its outputs go. */
  readonly place: string;
  readonly ended: Promise<PodEnd>;
}

/** One process that starts pods. */
export class Node {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<string, (end: PodEnd) => void>();
  readonly #image: string;
  readonly #directory: string;
  /** Outside the node's directory: what only enclaves may read. */
  readonly #memory = mkdtempSync("/dev/shm/sealflow-hostile-");
  #count = 0;

  /** @param image Directory with `python` and `components`, as the image has them. */
  constructor(image: string, directory: string) {
    this.#image = image;
    this.#directory = directory;
    const program = fileURLToPath(new URL("pods.py", import.meta.url));
    this.#child = spawn(testPython(), ["-I", "-B", program, join(image, "python")], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const { stdout } = this.#child;
    if (stdout === null) throw new Error("no output");
    createInterface({ input: stdout }).on("line", (line) => {
      const { id, ...end } = JSON.parse(line);
      this.#waiting.get(id)?.(end);
    });
  }

  start(
    argv: readonly string[],
    env: Readonly<Record<string, string>>,
    image = this.#image,
  ): Omit<Pod, "place"> {
    const id = `pod-${++this.#count}`;
    const root = join(this.#directory, id);
    mkdirSync(join(root, "io"), { recursive: true });
    symlinkSync(join(image, "components"), join(root, "components"));
    const settings = { enclave: "simulated", application: "inside", exchange: join(root, "io") };
    writeFileSync(join(root, "enclave.json"), JSON.stringify(settings));
    const ended = new Promise<PodEnd>((resolve) => this.#waiting.set(id, resolve));
    const memory = join(this.#memory, id);
    this.#say({ id, argv, env: { PATH: process.env.PATH ?? "", ...env }, image: root, memory });
    return { id, ended };
  }

  kill(id: string): void {
    this.#say({ kill: id });
  }

  async close(): Promise<void> {
    this.#child.stdin?.end();
    if (this.#child.exitCode === null) await new Promise((resolve) => this.#child.once("close", resolve));
    rmSync(this.#memory, { recursive: true, force: true });
  }

  #say(message: object): void {
    this.#child.stdin?.write(`${JSON.stringify(message)}\n`);
  }
}

/** The network between pods and broker: connections go where the control plane wants, or are cut. */
export class Wire {
  /** Port that connections are handed to. */
  target: number;
  /** Which connections since this was set go through; default: all. */
  passes: (connection: number) => boolean = () => true;
  readonly #server: Server;
  #count = 0;

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.target = target;
  }

  static async open(url: string): Promise<Wire> {
    const server = createServer();
    const wire = new Wire(server, Number(new URL(url).port));
    server.on("connection", (from) => {
      from.on("error", () => undefined);
      if (!wire.passes(++wire.#count)) return from.destroy();
      const to = connect(wire.target, "127.0.0.1");
      to.on("error", () => from.destroy());
      return from.pipe(to).pipe(from);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return wire;
  }

  /** Lets so many further connections through, and no more until {@link open}. */
  allow(connections: number): void {
    const last = this.#count + connections;
    this.passes = (connection) => connection <= last;
  }

  allowAll(): void {
    this.passes = () => true;
  }

  get url(): string {
    const address = this.#server.address();
    return `https://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  }

  close(): void {
    this.#server.close();
  }
}

/** What a control plane works with. */
export interface ControlPlaneOptions {
  /** The overlay's spec. */
  readonly document: PipelineDocument;
  readonly runId: string;
  readonly parameters: JsonObject;
  readonly node: Node;
  /** Its object store. */
  readonly store: string;
}

/** One run, as the control plane sees it. */
export class ControlPlane {
  readonly options: ControlPlaneOptions;
  /** What its driver would do next, by what it was shown. */
  readonly due = new Map<string, DueTask>();
  /** What it was shown. */
  readonly shown = new Map<string, TaskOutputs>();
  readonly decisions: Decision[] = [];
  readonly #interpretation;
  #count = 0;

  constructor(options: ControlPlaneOptions) {
    this.options = options;
    const { document, parameters, runId } = options;
    const context = { runId, runName: "attacked", createTime: new Date().toISOString() };
    this.#interpretation = createInterpretation(document.spec, parameters, context);
    this.#take(this.#interpretation.start());
  }

  get outcome() {
    return this.#interpretation.outcome;
  }

  /** Every sealed file of a path's outputs, or of all. */
  files(path?: string): string[] {
    return [...this.shown]
      .filter(([each]) => path === undefined || each === path)
      .flatMap(([, { artifacts }]) => Object.values(artifacts).flat())
      .map(({ uri }) => uri);
  }

  /** Starts a pod at any place in the workflow; what is not due gets all the files there are. */
  start(path: string, change: PodChange = {}): Pod {
    const { spec } = this.options.document;
    const { label, component } = leafAt(spec.root, spec.components ?? {}, path);
    const container = spec.deploymentSpec.executors?.[label]?.container;
    const place = join(this.options.store, `${++this.#count}`);
    const base = change.input ?? ((input: JsonObject) => input);
    const input = base(this.#input(path, component, place, change.files));
    const words = (container?.args ?? []).map((word) =>
      word === "{{$}}" ? JSON.stringify(input) : `${word}`,
    );
    const argv = withFlags(words, change.flags ?? {});
    const env = { SEALFLOW_WORKFLOW_NODE: nodeName(path) };
    return { ...this.options.node.start(argv, env, change.image), place };
  }

  /** Starts a pod, waits for it, and keeps what it left when it went well. */
  async run(path: string, change: PodChange = {}): Promise<PodEnd> {
    const pod = this.start(path, change);
    const end = await pod.ended;
    if (end.code === 0 && this.due.has(path)) this.take(path, pod.place);
    return end;
  }

  /** Takes a pod's outputs for its task's. */
  take(
    path: string,
    place: string,
    change: (outputs: TaskOutputs) => TaskOutputs = (outputs) => outputs,
  ): void {
    const task = this.due.get(path);
    if (task === undefined) throw new Error(`${path} is not due`);
    const outputs = change(outputsOf(task, place));
    this.shown.set(path, outputs);
    this.due.delete(path);
    this.#take(this.#interpretation.apply({ path, state: "SUCCEEDED", outputs }));
  }

  /** Goes on as Kubeflow would until nothing is due but what is excepted; failed pods are started again once. */
  async goOn(except: (path: string) => boolean = () => false): Promise<void> {
    for (;;) {
      const open = [...this.due.keys()].filter((path) => !except(path));
      if (open.length === 0) return;
      await Promise.all(
        open.map(async (path) => {
          let end = await this.run(path);
          if (end.code === 1) end = await this.run(path);
          if (end.code !== 0) throw new Error(`${path}: ${JSON.stringify(end)}`);
        }),
      );
    }
  }

  #take(decisions: readonly Decision[]): void {
    this.decisions.push(...decisions);
    for (const decision of decisions)
      if (decision.kind === "run") this.due.set(decision.task.path, decision.task);
  }

  #input(path: string, component: ComponentSpec, place: string, files?: readonly string[]): JsonObject {
    const locations = {
      outputFile: join(place, "executor_output.json"),
      outputParameter: (name: string) => join(place, "parameters", name),
      outputArtifact: (name: string) => join(place, name),
    };
    const task = this.due.get(path);
    const input: JsonObject =
      task === undefined
        ? madeUp(component, locations)
        : (executorInputOf(task, locations) as unknown as JsonObject);
    if (task !== undefined && files === undefined) return input;
    const artifacts = (files ?? this.files()).map((uri) => ({ name: "x", uri, type: {}, metadata: {} }));
    return { ...input, inputs: { parameterValues: {}, artifacts: { data: { artifacts } } } };
  }
}

interface Locations {
  readonly outputFile: string;
  outputParameter(name: string): string;
  outputArtifact(name: string): string;
}

/** An executor input for a task that nobody has decided on. */
function madeUp({ outputDefinitions }: ComponentSpec, locations: Locations): JsonObject {
  const { parameters = {}, artifacts = {} } = outputDefinitions ?? {};
  return {
    outputs: {
      parameters: Object.fromEntries(
        Object.keys(parameters).map((name) => [name, { outputFile: locations.outputParameter(name) }]),
      ),
      artifacts: Object.fromEntries(
        Object.keys(artifacts).map((name) => [
          name,
          { artifacts: [{ name, uri: locations.outputArtifact(name), type: {}, metadata: {} }] },
        ]),
      ),
      outputFile: locations.outputFile,
    },
  };
}

function outputsOf(task: DueTask, place: string): TaskOutputs {
  const { parameterValues = {} } = JSON.parse(readFileSync(join(place, "executor_output.json"), "utf8"));
  const artifacts: Record<string, ArtifactValue[]> = {};
  for (const [name, { artifactType }] of Object.entries(task.outputArtifacts)) {
    artifacts[name] = [{ name, type: artifactType, uri: join(place, name), metadata: {} }];
  }
  return { parameters: parameterValues as Record<string, JsonValue>, artifacts };
}

function leafAt(
  root: ComponentSpec,
  components: Readonly<Record<string, ComponentSpec>>,
  path: string,
): { readonly label: string; readonly component: ComponentSpec } {
  let component = root;
  for (const part of path.split("/")) {
    const task = component.dag?.tasks[part.replace(/\[\d+\]$/, "")];
    const next = components[task?.componentRef.name ?? ""];
    if (next === undefined) throw new Error(`${path}: no task ${part}`);
    component = next;
  }
  return { label: component.executorLabel ?? "", component };
}

/** What Argo calls the node of a task's executor. Source: workflows that Kubeflow Pipelines 2.16 and 2.17 compile. */
export function nodeName(path: string): string {
  const parts = path.split("/").map((part) => {
    const [, name = part, index] = /^(.*)\[(\d+)\]$/.exec(part) ?? [];
    return index === undefined ? name : `${name}.iteration-iterations(${index}:${index}).iteration-item`;
  });
  return `attacked-x1.root.${parts.join(".")}.executor`;
}

function withFlags(words: readonly string[], flags: Readonly<Record<string, string | null>>): string[] {
  const argv: string[] = [];
  const rest = new Map(Object.entries(flags));
  for (let at = 0; at < words.length; at += 2) {
    const [flag = "", value = ""] = words.slice(at, at + 2);
    const changed = rest.has(flag) ? rest.get(flag) : value;
    rest.delete(flag);
    if (changed !== null && changed !== undefined) argv.push(flag, changed);
  }
  for (const [flag, value] of rest) if (value !== null) argv.push(flag, value);
  return argv;
}

/** All that the control plane can read of a directory. */
export function contentOf(directory: string): string {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes("/components"))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"))
    .join("\n");
}

/** Copies an artifact, changed by whoever holds the store. */
export function forgedCopy(source: string, target: string, change: (bytes: Buffer) => Buffer): string {
  if (!existsSync(source)) throw new Error(`${source} is not there`);
  cpSync(source, target);
  writeFileSync(target, change(readFileSync(source)), { mode: 0o644 });
  return target;
}
