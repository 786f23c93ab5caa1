/** Components in Kubeflow's own YAML format (`component.yaml`, v1): a container with typed inputs and outputs. */
import { isJsonObject, type JsonObject, type JsonValue, SealflowError } from "@sealflow/core";
import { readText } from "../ir/read-text.js";
import { setMember } from "../ir/record.js";
import type { ParameterType } from "../ir/types.js";
import { type ComponentFunction, componentFunction } from "./component.js";
import type { Definitions, InputDefinition, OutputDefinition } from "./definitions.js";
import { checkDeclared, type DocumentComponentOptions } from "./document-component.js";

/** Options of {@link yamlComponent}. */
export interface YamlComponentOptions<I, O> extends DocumentComponentOptions<I, O> {
  /** Name shown in errors. */
  readonly file?: string;
}

/**
 * A component from the text of a `component.yaml`. Inputs and outputs are declared for the editor, under the names that
 * the Python SDK gives them (`Training data` is `training_data`); they must be those of the text, with the same kinds.
 *
 * @throws SealflowError `PIPELINE_COMPONENT_YAML_INVALID` for a text that is none, `PIPELINE_DOCUMENT_SYNTAX`, and
 * `PIPELINE_DOCUMENT_INTERFACE` when a declaration has no counterpart, or another kind.
 */
export function yamlComponent<
  const I extends Definitions<InputDefinition>,
  const O extends Definitions<OutputDefinition>,
>(text: string, declared: YamlComponentOptions<I, O>): ComponentFunction<I, O> {
  const { file } = declared;
  const [value, ...others] = readText(text, file).values;
  if (!isJsonObject(value) || others.length > 0) throw invalid("one map", shown(value), file);
  const container = isJsonObject(value.implementation) ? value.implementation.container : undefined;
  if (!isJsonObject(container) || typeof container.image !== "string") {
    throw invalid("implementation.container with an image", shown(value.implementation), file);
  }
  const inputs = definitions(value.inputs, { file, input: true });
  const outputs = definitions(value.outputs, { file, input: false }) as Record<string, OutputDefinition>;
  checkDeclared("input", declared.inputs, inputs);
  checkDeclared("output", declared.outputs, outputs);
  const words = (list: JsonValue | undefined): string[] =>
    listOf(list, file).map((word) => wordText(structure(word, { inputs, outputs, file })));
  return componentFunction({
    name: typeof value.name === "string" ? value.name : "component",
    ...(typeof value.description === "string" ? { description: value.description } : {}),
    inputs: { ...inputs, ...declared.inputs },
    outputs: { ...outputs, ...declared.outputs },
    implementation: {
      kind: "container",
      image: container.image,
      command: words(container.command),
      args: words(container.args),
      env: variables(container.env),
    },
  });
}

/** Type names, lower case. Source: kfp.dsl.types.type_utils, PARAMETER_TYPES_MAPPING. */
const PARAMETERS: Readonly<Record<string, ParameterType>> = {
  ...{ string: "STRING", str: "STRING", text: "STRING" },
  ...{ integer: "NUMBER_INTEGER", int: "NUMBER_INTEGER", double: "NUMBER_DOUBLE", float: "NUMBER_DOUBLE" },
  ...{ bool: "BOOLEAN", boolean: "BOOLEAN", list: "LIST", jsonarray: "LIST" },
  ...{ dict: "STRUCT", jsonobject: "STRUCT" },
};

/** The same for artifacts, ARTIFACT_CLASSES_MAPPING; anything else is a plain artifact. */
const ARTIFACTS: readonly string[] = [
  "Model",
  "Dataset",
  "Metrics",
  "ClassificationMetrics",
  "SlicedClassificationMetrics",
  "HTML",
  "Markdown",
];

function definitions(
  list: JsonValue | undefined,
  { file, input }: { file: string | undefined; input: boolean },
): Record<string, InputDefinition> {
  const found: Record<string, InputDefinition> = {};
  for (const item of listOf(list, file)) {
    if (!isJsonObject(item) || typeof item.name !== "string")
      throw invalid("inputs and outputs with a name", shown(item), file);
    const described = typeof item.description === "string" ? { description: item.description } : {};
    const optional = input && (item.optional === true || item.default !== undefined);
    const type = typeof item.type === "string" ? item.type : "";
    const parameterType = PARAMETERS[type.toLowerCase()];
    const title = ARTIFACTS.find((name) => name.toLowerCase() === type.toLowerCase()) ?? "Artifact";
    const artifactType = type.startsWith("google.") ? type : `system.${title}`;
    const definition: InputDefinition =
      parameterType === undefined
        ? { kind: "artifact", artifactType, list: false, optional, ...described }
        : {
            kind: "parameter",
            type: { parameterType },
            optional,
            ...defaultOf(item, parameterType, file),
            ...described,
          };
    setMember(found, pythonName(item.name), definition);
  }
  return found;
}

/** A default, which the format writes as text whatever its type. */
function defaultOf(
  { name, default: given }: JsonObject,
  type: ParameterType,
  file: string | undefined,
): { readonly default?: JsonValue } {
  if (given === undefined || given === null) return {};
  if (typeof given !== "string" || type === "STRING")
    return { default: type === "STRING" && typeof given !== "string" ? JSON.stringify(given) : given };
  try {
    return { default: JSON.parse(type === "BOOLEAN" ? given.toLowerCase() : given) as JsonValue };
  } catch {
    throw invalid(`a default of ${String(name)} that is ${type}`, JSON.stringify(given), file);
  }
}

interface Names {
  readonly inputs: Readonly<Record<string, InputDefinition>>;
  readonly outputs: Readonly<Record<string, InputDefinition>>;
  readonly file: string | undefined;
}

/** A word of the command line in the spec's form: text, or a structure of texts. */
function structure(word: JsonValue, names: Names): JsonValue {
  if (typeof word !== "object" || word === null) return String(word);
  if (Array.isArray(word)) return word.map((each: JsonValue) => structure(each, names));
  const [[kind, value] = ["", null]] = Object.entries(word as JsonObject);
  if (kind === "concat") return { Concat: listOf(value, names.file).map((each) => structure(each, names)) };
  if (kind === "if" && isJsonObject(value)) return choice(value, names);
  if (kind === "executorInput") return "{{$}}";
  if (typeof value === "string") {
    const text = placeholder(kind, pythonName(value), names);
    if (text !== undefined) return text;
  }
  throw invalid("a word or a placeholder for an input or output", shown(word), names.file);
}

function choice(value: JsonObject, names: Names): JsonValue {
  const { cond, then: yes, else: no } = value;
  const present = isJsonObject(cond) ? cond.isPresent : undefined;
  if (typeof present !== "string") throw invalid("if with cond: {isPresent: NAME}", shown(value), names.file);
  const branch = no === undefined ? {} : { Else: structure(no, names) };
  return { IfPresent: { InputName: pythonName(present), Then: structure(yes ?? [], names), ...branch } };
}

function placeholder(kind: string, name: string, { inputs, outputs }: Names): string | undefined {
  const known = kind.startsWith("input") ? inputs : outputs;
  if (!Object.hasOwn(known, name)) return undefined;
  const isParameter = known[name]?.kind === "parameter";
  if (kind === "inputValue" && isParameter) return `{{$.inputs.parameters['${name}']}}`;
  if (kind === "inputPath" && !isParameter) return `{{$.inputs.artifacts['${name}'].path}}`;
  if (kind === "inputUri" && !isParameter) return `{{$.inputs.artifacts['${name}'].uri}}`;
  if (kind === "outputUri" && !isParameter) return `{{$.outputs.artifacts['${name}'].uri}}`;
  if (kind !== "outputPath") return undefined;
  return isParameter
    ? `{{$.outputs.parameters['${name}'].output_file}}`
    : `{{$.outputs.artifacts['${name}'].path}}`;
}

const wordText = (word: JsonValue): string => (typeof word === "string" ? word : JSON.stringify(word));

/** The name that the Python SDK gives. Source: kfp.dsl.utils, sanitize_input_name. */
function pythonName(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^_0-9a-z]+/g, "_")
    .replace(/^_+|_+$/g, "");
}

function variables(env: JsonValue | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(isJsonObject(env) ? env : {}).map(([name, value]) => [name, String(value)]),
  );
}

function listOf(value: JsonValue | undefined, file: string | undefined): readonly JsonValue[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw invalid("a list", shown(value), file);
}

const shown = (value: JsonValue | undefined): string => (JSON.stringify(value) ?? "nothing").slice(0, 120);

function invalid(expected: string, got: string, file: string | undefined): SealflowError {
  return new SealflowError({
    code: "PIPELINE_COMPONENT_YAML_INVALID",
    message: `component: expected ${expected}, got ${got}`,
    ...(file === undefined ? {} : { where: { file } }),
    hint: "The format is that of Kubeflow's component.yaml: name, inputs, outputs, implementation.container.",
  });
}
