import { compareCodeUnits, type JsonObject, type JsonValue } from "@sealflow/core";
import type { ComponentSpec, PipelineDocument, PipelineSpec } from "../ir/types.js";
import { blockString, inlineString, numberText } from "./yaml-scalar.js";

/** Longer keys need YAML's explicit form (`? key`): readers look for the colon of a simple key that far only. */
const SIMPLE_KEY_LIMIT = 1000;

/**
 * Writes a compiled pipeline as YAML: the spec, and behind `---` the platform document where there is one. The same
 * document gives the same bytes: keys are sorted by UTF-16 code units, texts of several lines are literal blocks.
 */
export function formatPipelineYaml(document: PipelineDocument): string {
  const spec = header(document.spec) + formatYaml(document.spec);
  return document.platform === undefined ? spec : `${spec}---\n${formatYaml(document.platform)}`;
}

/**
 * Writes any JSON value as one YAML document that YAML 1.1 and 1.2 readers understand alike. Members that are
 * `undefined` are left out.
 *
 * @throws RangeError for NaN and infinities.
 */
export function formatYaml(value: unknown): string {
  const out: string[] = [];
  // A string at the root stays on one line: a block needs an indentation to stand in.
  if (typeof value === "string") out.push(inlineString(value));
  else writeValue(value as JsonValue, { out, indent: "", lead: "" });
  return `${out.join("\n")}\n`;
}

interface Position {
  readonly out: string[];
  /** Indentation of the lines of a nested mapping or sequence. */
  readonly indent: string;
  /** What stands on the current line before the value: a key with its colon, or dashes. */
  readonly lead: string;
  /** True behind a dash: the first member may stand on the same line. */
  readonly inline?: boolean;
}

function writeValue(value: JsonValue, at: Position): void {
  if (typeof value === "string") writeString(value, at);
  else if (value === null || typeof value === "boolean") at.out.push(joined(at.lead, String(value)));
  else if (typeof value === "number") at.out.push(joined(at.lead, numberText(value)));
  else if (isList(value)) writeSequence(value, at);
  else writeMapping(value, at);
}

/** `Array.isArray` that also narrows read-only arrays. */
function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function joined(lead: string, text: string): string {
  return lead === "" ? text : `${lead} ${text}`;
}

function writeString(value: string, at: Position): void {
  const block = blockString(value);
  if (block === undefined) {
    at.out.push(joined(at.lead, inlineString(value)));
    return;
  }
  at.out.push(joined(at.lead, block.indicator));
  for (const line of block.lines) at.out.push(line === "" ? "" : `${at.indent}  ${line}`);
}

function writeSequence(value: readonly JsonValue[], at: Position): void {
  if (value.length === 0) {
    at.out.push(joined(at.lead, "[]"));
    return;
  }
  const starts = startsOfMembers(at);
  for (const item of value) {
    writeValue(item, { out: at.out, indent: `${at.indent}  `, lead: `${starts()}-`, inline: true });
  }
}

/** Gives what each member's line starts with: the first one stands behind a dash, or else on its own line. */
function startsOfMembers(at: Position): () => string {
  let next = at.inline ? `${at.lead} ` : at.indent;
  if (!at.inline && at.lead !== "") at.out.push(at.lead);
  return () => {
    const start = next;
    next = at.indent;
    return start;
  };
}

function writeMapping(value: JsonObject, at: Position): void {
  const keys = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort(compareCodeUnits);
  if (keys.length === 0) {
    at.out.push(joined(at.lead, "{}"));
    return;
  }
  const starts = startsOfMembers(at);
  for (const key of keys) {
    const lead = leadOfMember(starts(), key, at);
    writeValue(value[key] as JsonValue, { out: at.out, indent: `${at.indent}  `, lead });
  }
}

function leadOfMember(start: string, key: string, at: Position): string {
  const name = inlineString(key);
  if (name.length <= SIMPLE_KEY_LIMIT) return `${start}${name}:`;
  at.out.push(`${start}? ${name}`);
  return `${at.indent}:`;
}

/** A comment for people: what the pipeline is called, takes and gives. Readers ignore it. */
function header(spec: PipelineSpec): string {
  const { name, description } = spec.pipelineInfo;
  const lines = [`Name: ${name}`];
  if (description) lines.push(`Description: ${description.replaceAll(/\s+/g, " ").trim()}`);
  lines.push(
    ...signatureLines("Inputs", inputTypes(spec.root)),
    ...signatureLines("Outputs", outputTypes(spec.root)),
  );
  return ["PIPELINE DEFINITION", ...lines].map((line) => `# ${commentText(line)}\n`).join("");
}

/** A comment ends with its line, and readers refuse unprintable characters in comments too. */
function commentText(line: string): string {
  return line.replaceAll(/[^\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]/gu, "?");
}

function signatureLines(title: string, members: ReadonlyMap<string, string>): string[] {
  if (members.size === 0) return [];
  return [`${title}:`, ...[...members].map(([name, type]) => `  ${name}: ${type}`)];
}

function inputTypes(root: ComponentSpec): Map<string, string> {
  const { parameters = {}, artifacts = {} } = root.inputDefinitions ?? {};
  const types = new Map<string, string>();
  for (const [name, input] of sortedEntries(parameters)) {
    const fallback =
      input.defaultValue === undefined ? "" : ` (default ${JSON.stringify(input.defaultValue)})`;
    types.set(name, input.parameterType + fallback);
  }
  for (const [name, input] of sortedEntries(artifacts))
    types.set(name, input.artifactType.schemaTitle ?? "artifact");
  return types;
}

function outputTypes(root: ComponentSpec): Map<string, string> {
  const { parameters = {}, artifacts = {} } = root.outputDefinitions ?? {};
  const types = new Map<string, string>();
  for (const [name, output] of sortedEntries(parameters)) types.set(name, output.parameterType);
  for (const [name, output] of sortedEntries(artifacts))
    types.set(name, output.artifactType.schemaTitle ?? "artifact");
  return types;
}

function sortedEntries<T>(record: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(record).sort(([a], [b]) => compareCodeUnits(a, b));
}
