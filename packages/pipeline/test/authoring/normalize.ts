import { isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";

type Documents = readonly JsonObject[];

/**
 * A document with everything taken out that may differ between compilers: names of components and executors (each is
 * put in where it is used), the code that is embedded, the compiler's name, descriptions, and what is written though it
 * has the default value.
 */
export function normalized([spec, platform]: Documents): JsonValue {
  const executors = at(platform, "platforms", "kubernetes", "deploymentSpec", "executors");
  const context = { spec: spec ?? {}, platform: isJsonObject(executors) ? executors : {} };
  return plain({
    info: context.spec.pipelineInfo ?? null,
    root: component(object(context.spec.root), context),
    pipelineRoot: context.spec.defaultPipelineRoot ?? null,
    schemaVersion: context.spec.schemaVersion ?? null,
    config: at(platform, "platforms", "kubernetes", "pipelineConfig") ?? null,
  });
}

interface Context {
  readonly spec: JsonObject;
  readonly platform: JsonObject;
}

function component(spec: JsonObject, context: Context): JsonValue {
  const { dag, executorLabel, ...rest } = spec;
  if (typeof executorLabel === "string") {
    const executor = object(at(context.spec, "deploymentSpec", "executors", executorLabel));
    return { ...rest, executor: withoutCode(executor), kubernetes: context.platform[executorLabel] ?? null };
  }
  const { tasks, ...outputs } = object(dag);
  const inlined = Object.entries(object(tasks)).map(
    ([name, task]) => [name, taskOf(object(task), context)] as const,
  );
  return { ...rest, ...outputs, tasks: Object.fromEntries(inlined) };
}

function taskOf(task: JsonObject, context: Context): JsonValue {
  const { componentRef, ...rest } = task;
  const name = String(object(componentRef).name);
  return { ...rest, component: component(object(at(context.spec, "components", name)), context) };
}

/** Lightweight Python components differ in wrapper and source; the function's name stays. */
function withoutCode(executor: JsonObject): JsonValue {
  const { container } = executor;
  if (!isJsonObject(container) || !JSON.stringify(container.command ?? "").includes("executor_main"))
    return executor;
  const { command, ...rest } = container;
  return { container: { ...rest, lightweight: command !== undefined } };
}

const JSON_TEXT = /^(\[|\{(?!\{))/;
const DEFAULTS: Readonly<Record<string, JsonValue>> = {
  optional: false,
  reimport: false,
  isArtifactList: false,
};

/** Numbers written as text in 64-bit fields, JSON inside strings and defaults, each in one form. */
function plain(value: JsonValue, key = ""): JsonValue {
  if (typeof value === "string") {
    if (JSON_TEXT.test(value) && (key === "raw" || key === "args"))
      return plain(JSON.parse(value) as JsonValue);
    return ["tolerationSeconds", "activeDeadlineSeconds", "count"].includes(key) ? Number(value) : value;
  }
  if (Array.isArray(value)) return value.map((item: JsonValue) => plain(item, key));
  if (!isJsonObject(value)) return value;
  const members = Object.entries(value)
    .filter(([name, member]) => name !== "description" || typeof member !== "string")
    .filter(([name, member]) => !(name in DEFAULTS && DEFAULTS[name] === member))
    .map(([name, member]) => [name, plain(member, name)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members);
}

function object(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function at(value: JsonValue | undefined, ...path: readonly string[]): JsonValue | undefined {
  return path.reduce<JsonValue | undefined>(
    (found, key) => (isJsonObject(found) ? found[key] : undefined),
    value,
  );
}
