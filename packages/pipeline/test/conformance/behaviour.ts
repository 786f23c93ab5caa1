import type { JsonObject, JsonValue } from "@sealflow/core";
import type { DueTask } from "@sealflow/pipeline";

/** Text of a value as Python's `str` gives it, for the values used here. */
function pythonText(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return "None";
  return Array.isArray(value) ? `[${value.map(pythonText).join(", ")}]` : String(value);
}

const numbers = (value: JsonValue | undefined): number[] => (Array.isArray(value) ? value.map(Number) : []);

/** What the Python components of this directory compute, as functions of their inputs. */
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
  make: ({ inputs, path }) => ({ out: `mem://${path}/${inputs.parameters.name}` }),
  train: () => ({ Output: 0.5 }),
  "uri-of": ({ inputs }) => ({ Output: inputs.artifacts.item?.[0]?.uri ?? "" }),
  "count-of": ({ inputs }) => ({ Output: inputs.artifacts.items?.length ?? -1 }),
  "uris-of": ({ inputs }) => ({ Output: (inputs.artifacts.items ?? []).map(({ uri }) => uri).join(",") }),
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
