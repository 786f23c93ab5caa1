import { type JsonValue, SealflowError } from "@sealflow/core";
import { Composer, type Document, isAlias, isMap, isScalar, isSeq, Lexer, type Node, Parser } from "yaml";
import type { DocumentPath } from "./path.js";
import { readPlainYaml } from "./plain-yaml.js";
import { setMember } from "./record.js";

/** Largest text that is read, in UTF-16 code units: Kubeflow's own upload limit is 32 MB. */
export const MAX_DOCUMENT_LENGTH = 32 * 1024 * 1024;
/** Deepest nesting of maps and lists in a document. */
export const MAX_DOCUMENT_DEPTH = 200;
/** Most values of a document. */
export const MAX_DOCUMENT_VALUES = 4_000_000;
/** Most values that stand in a document through aliases, every use counted: what stops "billion laughs" in milliseconds. */
export const MAX_ALIASED_VALUES = 100_000;

/** A text read: the values of its documents, and where their parts stand. */
export interface ReadText {
  readonly values: readonly JsonValue[];
  /** 1-based line and column of a value, or of its nearest ancestor that is there. */
  locate(document: number, path: DocumentPath): { line: number; column: number };
}

/**
 * Reads YAML (or JSON) into plain values; JSON and what compilers write are read quicker than the rest. Empty documents are left out. Duplicate keys, unknown tags,
 * non-finite numbers and anything over the limits above are errors.
 *
 * @throws SealflowError `PIPELINE_DOCUMENT_TOO_LARGE`, `PIPELINE_DOCUMENT_SYNTAX`
 */
export function readText(text: string, file?: string): ReadText {
  if (text.length > MAX_DOCUMENT_LENGTH) {
    throw tooLarge(`expected at most ${MAX_DOCUMENT_LENGTH} characters, got ${text.length}`, file);
  }
  const limits = { depth: MAX_DOCUMENT_DEPTH, values: MAX_DOCUMENT_VALUES };
  const values = readJsonDocuments(text) ?? readPlainYaml(text, limits);
  if (values !== undefined) {
    // Places are asked for only when something is wrong: the slow reading that knows them is done then, once.
    let places: ReadText | undefined;
    return {
      values,
      locate: (document, path) => {
        places ??= readYaml(text, file);
        return places.locate(document, path);
      },
    };
  }
  return readYaml(text, file);
}

/**
 * The values of JSON documents with YAML's lines of three hyphens between them; undefined when one needs a closer look. No
 * such line can stand inside a JSON text: its strings have no line breaks.
 */
function readJsonDocuments(text: string): readonly JsonValue[] | undefined {
  const values: JsonValue[] = [];
  for (const part of text.split("\n---\n")) {
    const value = readJson(part);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return values;
}

/** The value of a text that is JSON without duplicate keys, nor too deep; undefined when it needs a closer look. */
function readJson(text: string): JsonValue | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    const value = JSON.parse(text) as JsonValue;
    // A repeated key is silently dropped by JSON.parse: then there are more colons than keys.
    let colons = 0;
    for (const token of text.match(/"[^"\\]*(?:\\.[^"\\]*)*"|:/g) ?? []) if (token === ":") colons++;
    return countKeys(value, 0) === colons ? value : undefined;
  } catch {
    return undefined;
  }
}

function countKeys(value: JsonValue, depth: number): number {
  if (depth > MAX_DOCUMENT_DEPTH) return Number.NaN;
  if (typeof value === "number") return Number.isFinite(value) ? 0 : Number.NaN;
  if (typeof value !== "object" || value === null) return 0;
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + countKeys(item, depth + 1), 0);
  let count = 0;
  for (const member of Object.values(value)) count += 1 + countKeys(member, depth + 1);
  return count;
}

function readYaml(text: string, file: string | undefined): ReadText {
  const lines = lineIndex(text);
  const reader = new YamlReader((offset, message) => syntaxError({ message, file, ...lines(offset) }));
  try {
    const composer = new Composer({ uniqueKeys: false, logLevel: "silent" });
    const documents = [...composer.compose(tokens(text))];
    const values: JsonValue[] = [];
    const kept: Document.Parsed[] = [];
    for (const document of documents) {
      const value = reader.document(document);
      if (value === null) continue;
      values.push(value);
      kept.push(document);
    }
    return { values, locate: (document, path) => lines(offsetOf(kept[document]?.contents, path)) };
  } catch (cause) {
    if (cause instanceof RangeError) {
      throw tooLarge(
        `expected maps and lists nested at most ${MAX_DOCUMENT_DEPTH} deep, got more`,
        file,
        cause,
      );
    }
    if (cause instanceof LimitError) throw tooLarge(cause.message, file, cause);
    throw cause;
  }
}

/**
 * Tokens of a text. Quoted scalars may go on at any indentation, as PyYAML and the official backend read them and
 * published specs have it; the library's lexer insists on more, so its notion of the indentation is lowered there.
 */
function* tokens(text: string): Generator<Parameters<Composer["next"]>[0]> {
  const lexer = new Lexer();
  const inside = lexer as unknown as { indentNext: number; parseQuotedScalar(): Generator<string, unknown> };
  const strict = inside.parseQuotedScalar.bind(lexer);
  inside.parseQuotedScalar = function* () {
    const indent = inside.indentNext;
    inside.indentNext = Math.min(indent, 1);
    const next = yield* strict();
    inside.indentNext = indent;
    return next;
  };
  const parser = new Parser();
  for (const lexeme of lexer.lex(text)) yield* parser.next(lexeme);
  yield* parser.end();
}

/** A cap was hit; turned into a SealflowError where the file's name is known. */
class LimitError extends Error {}

/** Turns YAML nodes into values. Anchors are kept by hand: the library searches the document for each alias. */
class YamlReader {
  private readonly anchors = new Map<string, Node>();
  private count = 0;
  private aliased = 0;
  private aliasesOpen = 0;

  private readonly fail: (offset: number, message: string) => SealflowError;

  constructor(fail: (offset: number, message: string) => SealflowError) {
    this.fail = fail;
  }

  document(document: Document.Parsed): JsonValue {
    const problem = document.errors[0] ?? document.warnings[0];
    if (problem?.code === "RESOURCE_EXHAUSTION") throw new RangeError(problem.message);
    if (problem !== undefined) throw this.fail(problem.pos[0], problem.message);
    this.anchors.clear();
    return this.value(document.contents, 0);
  }

  private value(node: unknown, depth: number): JsonValue {
    if (++this.count > MAX_DOCUMENT_VALUES) {
      throw new LimitError(`expected at most ${MAX_DOCUMENT_VALUES} values, got more`);
    }
    if (this.aliasesOpen > 0 && ++this.aliased > MAX_ALIASED_VALUES) {
      throw new LimitError(`expected at most ${MAX_ALIASED_VALUES} values through aliases, got more`);
    }
    if (depth > MAX_DOCUMENT_DEPTH) {
      throw new LimitError(`expected maps and lists nested at most ${MAX_DOCUMENT_DEPTH} deep, got more`);
    }
    if (node === null || node === undefined) return null;
    if (isAlias(node)) return this.alias(node.source, node.range?.[0] ?? 0, depth);
    if (isScalar(node) || isSeq(node) || isMap(node)) {
      if (node.anchor !== undefined) this.anchors.set(node.anchor, node);
      if (isScalar(node)) return this.scalar(node.value, node.range?.[0] ?? 0);
      if (isSeq(node)) return node.items.map((item) => this.value(item, depth + 1));
      return this.map(node.items, depth);
    }
    throw new LimitError("expected maps, lists and scalars, got another kind of node");
  }

  private alias(name: string, offset: number, depth: number): JsonValue {
    const target = this.anchors.get(name);
    if (target === undefined) throw this.fail(offset, `no anchor &${name} before its alias`);
    this.aliasesOpen++;
    const value = this.value(target, depth + 1);
    this.aliasesOpen--;
    return value;
  }

  private scalar(value: unknown, offset: number): JsonValue {
    if (value === null || typeof value === "string" || typeof value === "boolean") return value;
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw this.fail(offset, `expected a JSON value, got ${String(value)}`);
  }

  private map(pairs: readonly { key: unknown; value: unknown }[], depth: number): JsonValue {
    const result: Record<string, JsonValue> = {};
    for (const pair of pairs) {
      const offset = isScalar(pair.key) ? (pair.key.range?.[0] ?? 0) : 0;
      const key = this.value(pair.key, depth + 1);
      if (typeof key === "object") throw this.fail(offset, "expected a string as key");
      const name = isScalar(pair.key) && pair.key.source !== undefined ? pair.key.source : String(key);
      if (Object.hasOwn(result, name)) throw this.fail(offset, `key ${JSON.stringify(name)} is given twice`);
      setMember(result, name, this.value(pair.value, depth + 1));
    }
    return result;
  }
}

/** Offset of the value at a path, or of the deepest ancestor that is there. */
function offsetOf(top: unknown, path: DocumentPath): number {
  let offset = 0;
  let node = top;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
      if (pair === undefined) return offset;
      if (isScalar(pair.key) && pair.key.range) offset = pair.key.range[0];
      node = pair.value;
    } else if (isSeq(node) && typeof step === "number") {
      node = node.items[step];
      if ((isScalar(node) || isMap(node) || isSeq(node)) && node.range) offset = node.range[0];
    } else {
      return offset;
    }
  }
  return offset;
}

/** Line and column of offsets, from an index of line starts that is made when first asked. */
function lineIndex(text: string): (offset: number) => { line: number; column: number } {
  let starts: number[] | undefined;
  return (offset) => {
    if (starts === undefined) {
      starts = [0];
      for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
    }
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}

function syntaxError(at: {
  message: string;
  file: string | undefined;
  line: number;
  column: number;
}): SealflowError {
  const { message, file, line, column } = at;
  return new SealflowError({
    code: "PIPELINE_DOCUMENT_SYNTAX",
    message: `pipeline document: expected YAML or JSON, got: ${message.split("\n")[0]}`,
    where: { ...(file === undefined ? {} : { file }), line, column },
  });
}

function tooLarge(message: string, file?: string, cause?: unknown): SealflowError {
  return new SealflowError({
    code: "PIPELINE_DOCUMENT_TOO_LARGE",
    message: `pipeline document: ${message}`,
    ...(file === undefined ? {} : { where: { file } }),
    ...(cause === undefined ? {} : { cause }),
  });
}
