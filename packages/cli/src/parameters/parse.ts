/** Run parameters from the command line: text by the type that the pipeline declares. */
import { isJsonObject, type JsonObject, type JsonValue, SealflowError, throwFindings } from "@sealflow/core";
import type { InputParameterDefinition, PipelineSpec } from "@sealflow/pipeline";
import { nearest } from "../nearest.js";

/** Where parameters come from; a `--param` wins over the file. */
export interface ParameterSources {
  /** `name=value` as given with `--param`. */
  readonly assignments: readonly string[];
  /** The object in the file of `--params`, with the file's name. */
  readonly file?: { readonly name: string; readonly values: JsonObject };
}

/**
 * The run parameters. Values keep the declared types; defaults and required ones are the interpreter's business.
 *
 * @throws SealflowError `CLI_PARAMETER_SYNTAX`, `CLI_PARAMETER_UNKNOWN`, `CLI_PARAMETER_INVALID`, all findings together.
 */
export function parseParameters(spec: PipelineSpec, sources: ParameterSources): JsonObject {
  const declared = spec.root.inputDefinitions?.parameters ?? {};
  const findings: SealflowError[] = [];
  const values: Record<string, JsonValue> = {};
  const attempt = (work: () => void) => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof SealflowError)) throw error;
      findings.push(error);
    }
  };
  for (const [name, value] of Object.entries(sources.file?.values ?? {})) {
    attempt(() => {
      definitionOf(name, declared, sources.file?.name);
      values[name] = value;
    });
  }
  for (const assignment of sources.assignments) {
    attempt(() => {
      const [name, text] = splitAssignment(assignment);
      values[name] = parseValue(name, text, definitionOf(name, declared, undefined));
    });
  }
  throwFindings(findings, {
    code: "CLI_PARAMETER_INVALID",
    message: "the run's parameters do not fit the pipeline",
  });
  return values;
}

function splitAssignment(assignment: string): [name: string, text: string] {
  const at = assignment.indexOf("=");
  if (at > 0) return [assignment.slice(0, at).trim(), assignment.slice(at + 1)];
  throw new SealflowError({
    code: "CLI_PARAMETER_SYNTAX",
    message: `--param: expected name=value, got "${assignment}"`,
  });
}

function definitionOf(
  name: string,
  declared: Readonly<Record<string, InputParameterDefinition>>,
  file: string | undefined,
): InputParameterDefinition {
  const definition = Object.hasOwn(declared, name) ? declared[name] : undefined;
  if (definition !== undefined) return definition;
  const names = Object.keys(declared);
  const meant = nearest(name, names);
  const known =
    names.length > 0 ? `the pipeline's parameters are ${names.join(", ")}` : "the pipeline has none";
  throw new SealflowError({
    code: "CLI_PARAMETER_UNKNOWN",
    message: `parameter ${name}: the pipeline has no parameter of this name`,
    hint: meant === undefined ? known : `did you mean ${meant}? ${known}`,
    ...(file === undefined ? {} : { where: { file } }),
  });
}

function parseValue(name: string, text: string, definition: InputParameterDefinition): JsonValue {
  const { parameterType } = definition;
  if (parameterType === "NUMBER_INTEGER" && /^[+-]?\d+$/.test(text) && Number.isSafeInteger(Number(text))) {
    return Number(text);
  }
  if (parameterType === "NUMBER_DOUBLE" && text.trim() !== "" && Number.isFinite(Number(text)))
    return Number(text);
  if (parameterType === "BOOLEAN" && /^(true|false)$/i.test(text)) return text.toLowerCase() === "true";
  if (parameterType === "LIST" || parameterType === "STRUCT") return parseJson(name, text, parameterType);
  if (parameterType === "STRING") return text;
  throw invalid(name, expectations[parameterType] ?? parameterType, text);
}

function parseJson(name: string, text: string, type: "LIST" | "STRUCT"): JsonValue {
  try {
    const value: JsonValue = JSON.parse(text);
    if (type === "LIST" ? Array.isArray(value) : isJsonObject(value)) return value;
  } catch {
    // Reported below, like JSON of the wrong shape.
  }
  throw invalid(name, expectations[type] ?? type, text);
}

const expectations: Readonly<Record<string, string>> = {
  NUMBER_INTEGER: "a whole number",
  NUMBER_DOUBLE: "a number",
  BOOLEAN: "true or false",
  LIST: "a JSON array",
  STRUCT: "a JSON object",
  TASK_FINAL_STATUS: "nothing: the run itself gives this value",
  TASK_CONFIG: "nothing: the platform itself gives this value",
};

function invalid(name: string, expected: string, text: string): SealflowError {
  return new SealflowError({
    code: "CLI_PARAMETER_INVALID",
    message: `parameter ${name}: expected ${expected}, got "${text}"`,
  });
}
