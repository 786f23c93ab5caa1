import { isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";
import type { ArtifactValue, DueTask } from "@sealflow/pipeline";

/** Text of a value as Python's `str` gives it, for the values used here. */
function pythonText(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return "None";
  return Array.isArray(value) ? `[${value.map(pythonText).join(", ")}]` : String(value);
}

const numbers = (value: JsonValue | undefined): number[] => (Array.isArray(value) ? value.map(Number) : []);

interface Status extends JsonObject {
  readonly state: string;
  readonly pipelineJobResourceName: string;
  readonly pipelineTaskName: string;
  readonly error: { readonly message?: string };
}

/** Contents of the fake artifacts, which are in their URIs. */
const textsOf = (list: readonly ArtifactValue[] | undefined): string[] =>
  (list ?? []).map(({ uri }) => uri.replace(/^mem:/, ""));

/** Name of the Python type that a value has after `json.loads`. */
function kindOf(value: JsonValue): string {
  if (value === null) return "NoneType";
  if (Array.isArray(value)) return `[${value.map(kindOf).join(",")}]`;
  if (isJsonObject(value)) {
    const members = Object.keys(value).sort();
    return `{${members.map((key) => `${key}:${kindOf(value[key] ?? null)}`).join(",")}}`;
  }
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float";
  return typeof value === "boolean" ? "bool" : "str";
}

/** What the Python components of the conformance pipelines compute, as functions of their inputs. */
const components: Readonly<Record<string, (task: DueTask) => JsonObject>> = {
  echo: ({ inputs }) => ({ Output: inputs.parameters.text ?? null }),
  number: ({ inputs }) => ({ Output: inputs.parameters.value ?? null }),
  real: ({ inputs }) => ({ Output: inputs.parameters.value ?? null }),
  truth: ({ inputs }) => ({ Output: inputs.parameters.value ?? null }),
  "list-of": ({ inputs }) => ({ Output: inputs.parameters.values ?? null }),
  "struct-of": ({ inputs }) => ({ Output: inputs.parameters.value ?? null }),
  add: ({ inputs }) => ({ Output: Number(inputs.parameters.a) + Number(inputs.parameters.b) }),
  "count-to": ({ inputs }) => ({ Output: Array.from({ length: Number(inputs.parameters.n) }, (_, i) => i) }),
  total: ({ inputs }) => ({ Output: numbers(inputs.parameters.values).reduce((sum, n) => sum + n, 0) }),
  join: ({ inputs }) => ({ Output: (inputs.parameters.values as string[]).join(",") }),
  optional: ({ inputs: { parameters } }) => ({
    Output: `${pythonText(parameters.text)}/${pythonText(parameters.n)}`,
  }),
  defaulted: ({ inputs: { parameters } }) => ({
    Output: `${parameters.text}${pythonText(parameters.n)}${pythonText(parameters.items)}`,
  }),
  several: ({ inputs: { parameters } }) => ({
    upper: String(parameters.text).toUpperCase(),
    size: String(parameters.text).length,
  }),
  status: ({ inputs: { parameters } }) => ({ Output: (parameters.given as { state: string }).state }),
  make: ({ inputs }) => ({ out: `mem:${inputs.parameters.name}` }),
  "make-of": ({ inputs }) => ({ out: `mem:${inputs.parameters.name}${inputs.parameters.more}` }),
  train: ({ inputs }) => ({ model: `mem:model of ${textsOf(inputs.artifacts.data)[0]}`, Output: 0.5 }),
  read: ({ inputs }) => ({ Output: textsOf(inputs.artifacts.item)[0] ?? "" }),
  "read-all": ({ inputs }) => ({ Output: textsOf(inputs.artifacts.items).join(",") }),
  "uri-of": ({ inputs }) => ({ Output: inputs.artifacts.item?.[0]?.uri ?? "" }),
  "count-of": ({ inputs }) => ({ Output: inputs.artifacts.items?.length ?? -1 }),
  three: ({ inputs: { parameters } }) => ({ Output: `${parameters.a}${parameters.b}${parameters.c}` }),
  kinds: ({ inputs }) => ({ Output: kindOf(inputs.parameters.value ?? null) }),
  "kind-of": ({ inputs: { parameters } }) => {
    const { whole, fraction, flag, text, items } = parameters;
    const all = [whole, fraction, flag, text, ...(Array.isArray(items) ? items : [])];
    return { Output: all.map((value) => kindOf(value ?? null)).join(",") };
  },
  everything: () => ({
    text: "t",
    whole: 7,
    fraction: 2.5,
    flag: true,
    items: [1, "a", null, [true]],
    fields: { n: 1, deep: { x: [2.5] } },
  }),
  quiet: () => ({}),
  "status-fields": ({ inputs: { parameters } }) => {
    const { state, pipelineJobResourceName: job, pipelineTaskName: name, error } = parameters.given as Status;
    return { Output: { state, job, name, has_message: Boolean(error.message) } };
  },
  importer: ({ inputs }) => ({ artifact: inputs.parameters.uri ?? null }),
};

/** The fake of a compiled component, by its name without the compiler's prefix and number. */
export function behave(task: DueTask): JsonObject {
  const name = task.componentName.replace(/^comp-/, "").replace(/(-\d+)+$/, "");
  if (name === "fail") throw new Error(String(task.inputs.parameters.text ?? "boom"));
  const component = components[name];
  if (component === undefined) throw new Error(`no stand-in for ${task.componentName}`);
  return component(task);
}
