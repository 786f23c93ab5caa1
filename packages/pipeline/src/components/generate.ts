/** TypeScript text for the components of a Python file. */
import { type JsonValue, SealflowError, throwFindings } from "@sealflow/core";
import type { TypeSpec } from "../authoring/value-types.js";
import type { ComponentFile, FunctionSignature, SignatureInput, SignatureOutput } from "./component-file.js";

/** Settings of the generated text. */
export interface GenerateOptions {
  /** What the generated file imports. Default `@sealflow/pipeline`. */
  readonly moduleSpecifier?: string;
}

/**
 * The `.components.ts` of a Python file: one typed component per function, under the function's name in camel case,
 * with inputs and outputs named as in Python. The text holds the signatures and their digests, not the code.
 *
 * @throws SealflowError a finding about the file, or SealflowErrors `PIPELINE_COMPONENTS_INVALID` with all of them.
 */
export function generateComponents(file: ComponentFile, options: GenerateOptions = {}): string {
  throwComponentFindings([file]);
  const { moduleSpecifier = "@sealflow/pipeline" } = options;
  const name = file.path.split(/[\\/]/).at(-1) ?? file.path;
  const names = exportNames(file.components);
  const blocks = file.components.map((component) =>
    componentText(component, names.get(component.name) ?? component.name),
  );
  return [
    `// Generated from ${name} by "sealflow components generate"; changes here are lost.`,
    `import * as sealflow from ${JSON.stringify(moduleSpecifier)};`,
    "",
    `const source = new URL(${JSON.stringify(`./${encodeURIComponent(name)}`)}, import.meta.url).href;`,
    ...blocks,
    "",
  ].join("\n");
}

/**
 * Throws what was found wrong with Python files.
 *
 * @throws SealflowError the finding, or SealflowErrors `PIPELINE_COMPONENTS_INVALID` when there are several.
 */
export function throwComponentFindings(files: readonly ComponentFile[]): void {
  const findings = files.flatMap(({ errors }) => errors.map((body) => new SealflowError(body)));
  throwFindings(findings, {
    code: "PIPELINE_COMPONENTS_INVALID",
    message: `components: ${findings.length} findings`,
  });
}

/** Names that a module can't export, and the one that the generated text uses itself. */
const TAKEN = new Set(
  (
    "source sealflow URL await break case catch class const continue debugger default delete do else enum export extends " +
    "false finally for function if implements import in instanceof interface let new null package private protected " +
    "public return static super switch this throw true try typeof var void while with yield arguments eval undefined"
  ).split(" "),
);

function exportNames(components: readonly FunctionSignature[]): Map<string, string> {
  const names = new Map<string, string>();
  const taken = new Set(TAKEN);
  for (const { name } of components) {
    const camel = name.replaceAll(/(?<=[^_])_+([A-Za-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    let unique = camel;
    while (taken.has(unique)) unique += "_";
    taken.add(unique);
    names.set(name, unique);
  }
  return names;
}

function componentText(component: FunctionSignature, exportName: string): string {
  return [
    "",
    ...docLines(component),
    `export const ${exportName} = sealflow.pythonComponent({`,
    "  source,",
    `  function: ${JSON.stringify(component.name)},`,
    `  signature: ${JSON.stringify(component.digest)},`,
    ...(component.description === undefined
      ? []
      : [`  description: ${JSON.stringify(component.description)},`]),
    ...memberLines(
      "inputs",
      component.inputs.map((input) => [input.name, inputText(input)]),
    ),
    ...memberLines(
      "outputs",
      component.outputs.map((output) => [output.name, outputText(output)]),
    ),
    "});",
  ].join("\n");
}

function docLines({ description, inputs }: FunctionSignature): string[] {
  const parameters = inputs.flatMap((input) =>
    input.description === undefined ? [] : [`- \`${input.name}\`: ${input.description}`],
  );
  const lines = [...(description?.split("\n") ?? []), ...(parameters.length > 0 ? ["", ...parameters] : [])];
  if (lines.length === 0) return [];
  return ["/**", ...lines.map((line) => ` * ${line.replaceAll("*/", "*\\/")}`.trimEnd()), " */"];
}

function memberLines(title: string, members: readonly (readonly [string, string])[]): string[] {
  if (members.length === 0) return [`  ${title}: {},`];
  return [`  ${title}: {`, ...members.map(([name, text]) => `    ${propertyName(name)}: ${text},`), "  },"];
}

function propertyName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

function inputText(input: SignatureInput): string {
  const described = input.description === undefined ? {} : { description: input.description };
  if (input.kind === "finalStatus" || input.kind === "taskConfig")
    return call(input.kind, optionsText(described));
  if (input.kind === "parameter") {
    const { default: fallback } = input;
    const optional = input.optional && fallback === undefined ? { optional: true } : {};
    return parameterText(input.type, {
      ...(fallback === undefined ? {} : { default: fallback }),
      ...optional,
      ...described,
    });
  }
  const options = { ...(input.optional ? { optional: true } : {}), ...described };
  if (!input.list) return artifactText(input.artifactType, options);
  return call("artifactList", artifactText(input.artifactType, {}), optionsText(options));
}

function outputText(output: SignatureOutput): string {
  const described = output.description === undefined ? {} : { description: output.description };
  if (output.kind === "parameter") return parameterText(output.type, described);
  return artifactText(output.artifactType, described);
}

type Options = Readonly<Record<string, JsonValue>>;

const SCALARS: Readonly<Record<string, string>> = {
  STRING: "string",
  NUMBER_INTEGER: "integer",
  NUMBER_DOUBLE: "double",
  BOOLEAN: "boolean",
};

function parameterText(type: TypeSpec, options: Options): string {
  const scalar = SCALARS[type.parameterType];
  if (scalar !== undefined) {
    const literals = type.literals === undefined ? {} : { literals: type.literals };
    return call(scalar, optionsText({ ...literals, ...options }));
  }
  const name = type.parameterType === "LIST" ? "list" : "struct";
  const given = optionsText(options);
  const element = type.element === undefined ? given && "undefined" : parameterText(type.element, {});
  return call(name, element, given);
}

const ARTIFACTS: Readonly<Record<string, string>> = {
  "system.Dataset": "dataset",
  "system.Model": "model",
  "system.Metrics": "metrics",
  "system.ClassificationMetrics": "classificationMetrics",
  "system.SlicedClassificationMetrics": "slicedClassificationMetrics",
  "system.HTML": "html",
  "system.Markdown": "markdown",
};

function artifactText(title: string, options: Options): string {
  const name = ARTIFACTS[title];
  if (name !== undefined) return call(name, optionsText(options));
  return call("artifact", JSON.stringify(title), optionsText(options));
}

function call(name: string, ...args: readonly string[]): string {
  return `sealflow.${name}(${args.filter((arg) => arg !== "").join(", ")})`;
}

function optionsText(options: Options): string {
  const members = Object.entries(options).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
  return members.length === 0 ? "" : `{ ${members.join(", ")} }`;
}
