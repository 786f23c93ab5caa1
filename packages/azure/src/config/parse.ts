/** From an untyped value or YAML text to a checked configuration. */
import { type ErrorLocation, SealflowError, throwFindings } from "@sealflow/core";
import type { Document, LineCounter } from "yaml";
import { configSchema, type SealflowConfig } from "./schema.js";

type Path = readonly (string | number)[];
type Locate = (path: Path) => ErrorLocation;

/**
 * Checks a configuration value and fills in defaults.
 *
 * @param file Named in findings.
 * @throws SealflowError `AZURE_CONFIG_INVALID` with every finding.
 */
export function parseConfig(value: unknown, file: string): SealflowConfig {
  return check(value, (path) => ({ file, path: shown(path) }));
}

/**
 * Reads a configuration in YAML; findings carry lines.
 *
 * @throws SealflowError `AZURE_CONFIG_INVALID` with every finding.
 */
export async function parseYamlConfig(text: string, file: string): Promise<SealflowConfig> {
  const { LineCounter, parseDocument } = await import("yaml");
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  throwFindings(
    document.errors.map(({ message, linePos }) => {
      const line = linePos?.[0].line;
      return invalid(message.split("\n")[0]?.replace(/ at line .*$/, "") ?? message, {
        file,
        ...(line === undefined ? {} : { line }),
      });
    }),
    { code: "AZURE_CONFIG_INVALID", message: `${file}: expected valid YAML` },
  );
  return check(document.toJS() ?? {}, (path) => ({
    file,
    path: shown(path),
    ...lineOf(document, lines, path),
  }));
}

function check(value: unknown, locate: Locate): SealflowConfig {
  const result = configSchema.safeParse(value);
  if (result.success) return result.data;
  const findings = result.error.issues.map(({ code, message, path, ...issue }) => {
    const where = locate(path.filter((part) => typeof part !== "symbol"));
    const subject = where.path === "" ? "configuration" : where.path;
    const expected =
      code === "unrecognized_keys" && "keys" in issue ? unknownKeys(issue.keys) : plain(message);
    return invalid(`${subject}: ${expected}`, where);
  });
  throwFindings(findings, {
    code: "AZURE_CONFIG_INVALID",
    message: `configuration: expected one that fits the schema, got ${findings.length} findings`,
  });
  throw new TypeError("a failed parse has findings");
}

function unknownKeys(keys: unknown): string {
  const names = Array.isArray(keys) ? keys.map(String) : [];
  return `unknown ${names.length === 1 ? "setting" : "settings"} ${names.join(", ")}`;
}

function plain(message: string): string {
  return message.replace(/^Invalid (input|option): /, "").replace(/received/, "got");
}

function invalid(message: string, where: ErrorLocation): SealflowError {
  return new SealflowError({
    code: "AZURE_CONFIG_INVALID",
    message,
    where,
    hint: "docs/reference/cloud-config.md lists every setting",
  });
}

function shown(path: Path): string {
  return path.join(".");
}

/** Line of the innermost part of the path that the document has. */
function lineOf(document: Document, lines: LineCounter, path: Path): { line?: number } {
  for (let length = path.length; length >= 0; length -= 1) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    if (typeof node !== "object" || node === null || !("range" in node) || !Array.isArray(node.range))
      continue;
    const offset: unknown = node.range[0];
    if (typeof offset === "number") return { line: lines.linePos(offset).line };
  }
  return {};
}
