/** The components of a pipeline that can be baked into a measured image: Python functions that travel as source. */
import { createHash } from "node:crypto";
import { canonicalJson, type Digest } from "@sealflow/core";
import { pythonComponent } from "@sealflow/engine";
import type { ContainerExecutor, PipelineSpec } from "@sealflow/pipeline";
import type { LayerEntry } from "../oci/layer.js";
import { containerDigest } from "./lock.js";

/** Where components lie in the image. */
export const COMPONENTS_DIRECTORY = "/opt/sealflow/components";

/** A component that goes into the image. */
export interface BakedComponent {
  /** Of the pipeline: its executor's label. */
  readonly executor: string;
  readonly source: string;
  readonly function: string;
  /** Variables that it is started with. */
  readonly env: Readonly<Record<string, string>>;
  /** Digest of a hash-locked requirements file. */
  readonly lock?: Digest;
  /** Requirements that no lock pins. */
  readonly requirements: readonly string[];
  /** The container as the spec has it: what a later spec is compared with. */
  readonly container: Digest;
}

/** An executor whose code can't be baked in. */
export interface LeftOut {
  readonly executor: string;
  readonly reason: string;
}

/** Sorts the executors of a spec. */
export async function bakeable(
  spec: PipelineSpec,
): Promise<{ readonly components: readonly BakedComponent[]; readonly leftOut: readonly LeftOut[] }> {
  const components: BakedComponent[] = [];
  const leftOut: LeftOut[] = [];
  for (const [executor, { container }] of Object.entries(spec.deploymentSpec.executors ?? {})) {
    if (container === undefined) continue;
    const component = await baked(executor, container);
    if (component === undefined) {
      const reason = `it runs a command of ${container.image}: only Python components go into one enclave together`;
      leftOut.push({ executor, reason });
    } else components.push(component);
  }
  return { components, leftOut };
}

async function baked(executor: string, container: ContainerExecutor): Promise<BakedComponent | undefined> {
  const component = pythonComponent(container);
  if (component === undefined) return undefined;
  const { source, needs } = component;
  return {
    executor,
    source,
    function: component.function,
    env: Object.fromEntries((container.env ?? []).map(({ name, value }) => [name, value ?? ""])),
    ...(needs.lock === undefined ? {} : { lock: needs.lock }),
    requirements: needs.installations.flatMap(({ requirements }) => requirements),
    container: await containerDigest(container),
  };
}

/** What all components of an image have in common. */
export interface ComponentSurroundings {
  /** Digest of the environment's lock. */
  readonly environment: Digest;
  /** Digest of the Python runtime's files. */
  readonly runtime: Digest;
}

/** The digest that policies demand: source, function, environment, runtime, variables (the same as in a simulated enclave). */
export function componentDigestOf(
  component: BakedComponent,
  { environment, runtime }: ComponentSurroundings,
): Digest {
  return digestOfText(
    canonicalJson({
      version: "sealflow.component/v1",
      source: digestOfText(component.source),
      function: component.function,
      environment,
      runtime,
      env: component.env,
    }),
  );
}

function digestOfText(text: string): Digest {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

/** The files of the components, and the table by which the enclave finds them. */
export function componentEntries(
  components: readonly BakedComponent[],
  surroundings: ComponentSurroundings,
): readonly LayerEntry[] {
  const table = Object.fromEntries(
    [...components]
      .sort((a, b) => (a.executor < b.executor ? -1 : 1))
      // By executor: a function that is used twice has two of them, with one digest.
      .map((component) => [
        component.executor,
        {
          digest: componentDigestOf(component, surroundings),
          file: fileOf(component),
          function: component.function,
          env: component.env,
        },
      ]),
  );
  const content = canonicalJson({ version: "sealflow.components/v1", ...surroundings, components: table });
  return [
    { path: `${COMPONENTS_DIRECTORY}/components.json`, content },
    ...components.map((component) => ({
      path: `${COMPONENTS_DIRECTORY}/${fileOf(component)}`,
      content: component.source,
    })),
  ];
}

function fileOf({ executor }: BakedComponent): string {
  return `${executor.replace(/[^A-Za-z0-9]+/g, "_")}_${digestOfText(executor).slice(7, 15)}.py`;
}
