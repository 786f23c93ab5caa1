import type {
  ContainerExecutor,
  ContainerResources,
  ExecutorSpec,
  ImporterExecutor,
} from "../../ir/types.js";
import type { Implementation, ImporterImplementation } from "../component-model.js";
import type { Dynamic, ResourceName, TaskSettings } from "../graph.js";
import { coresOf, gigabytesOf } from "../quantities.js";
import { artifactSchema } from "./interface.js";

/** Gives the text of a setting; one that comes from a run-time value becomes an input under the name given. */
export type Placeholders = (value: Dynamic, inputName: ResourceName | "base_image") => string;

/** The container of a component before a task's settings. */
export type BaseContainer = Pick<ContainerExecutor, "image" | "command" | "args"> & {
  readonly env?: Readonly<Record<string, string>>;
};

/** A component's executor with the settings of a task. */
export function containerExecutor(
  base: BaseContainer,
  settings: TaskSettings,
  placeholder: Placeholders,
): ExecutorSpec {
  const env = Object.entries({ ...base.env, ...settings.env }).map(([name, value]) => ({ name, value }));
  const resources = resourcesOf(settings.resources, placeholder);
  return {
    container: {
      image: settings.image === undefined ? base.image : placeholder(settings.image, "base_image"),
      ...(base.command?.length ? { command: base.command } : {}),
      ...(base.args?.length ? { args: base.args } : {}),
      ...(env.length === 0 ? {} : { env }),
      ...(Object.keys(resources).length === 0 ? {} : { resources }),
    },
  };
}

/** Fixed quantities are written a second time as plain numbers: backends before 2.4 read only those. */
function resourcesOf(given: TaskSettings["resources"], placeholder: Placeholders): ContainerResources {
  const resources: Record<string, unknown> = {};
  for (const [name, plain, text, parse] of FIELDS) {
    const value = given[name];
    if (value === undefined) continue;
    resources[text] = placeholder(value, name);
    if (typeof value === "string") resources[plain] = parse(value);
  }
  const { accelerator_type: type, accelerator_count: count } = given;
  if (type === undefined || count === undefined) return resources as ContainerResources;
  const accelerator = {
    resourceType: placeholder(type, "accelerator_type"),
    resourceCount: placeholder(count, "accelerator_count"),
    ...(typeof type === "string" ? { type } : {}),
    ...(typeof count === "string" && /^\d+$/.test(count) ? { count: Number(count) } : {}),
  };
  return { ...resources, accelerator } as ContainerResources;
}

const FIELDS = [
  ["cpu_request", "cpuRequest", "resourceCpuRequest", coresOf],
  ["cpu_limit", "cpuLimit", "resourceCpuLimit", coresOf],
  ["memory_request", "memoryRequest", "resourceMemoryRequest", gigabytesOf],
  ["memory_limit", "memoryLimit", "resourceMemoryLimit", gigabytesOf],
] as const;

/** The executor of an importer. */
export function importerExecutor(importer: ImporterImplementation): { readonly importer: ImporterExecutor } {
  return {
    importer: {
      artifactUri: importer.uri === undefined ? { runtimeParameter: "uri" } : { constant: importer.uri },
      typeSchema: artifactSchema(importer.artifactType),
      ...(importer.metadata === undefined ? {} : { metadata: importer.metadata }),
      ...(importer.reimport ? { reimport: true } : {}),
      ...(importer.downloadToWorkspace ? { downloadToWorkspace: true } : {}),
    },
  };
}

/** The container of an implementation that needs no source text, or undefined. */
export function staticContainer(implementation: Implementation): BaseContainer | undefined {
  if (implementation.kind === "container") return implementation;
  if (implementation.kind !== "python" || implementation.inImage === undefined) return undefined;
  const { image, modulePath } = implementation.inImage;
  return {
    image,
    command: ["python3", "-m", "kfp.dsl.executor_main", "--component_module_path", modulePath],
    args: ["--executor_input", "{{$}}", "--function_to_execute", implementation.function],
  };
}
