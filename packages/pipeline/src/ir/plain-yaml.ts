/**
 * The plain part of YAML, as compilers write specs: block maps and lists, literal blocks, scalars on one line. The library
 * that knows all of YAML spends thirty times as long on it, and every task of a run waits for that. Whatever is not plainly
 * of this part is left to the library: nothing is refused or guessed here.
 */
import type { JsonValue } from "@sealflow/core";
import { setMember } from "./record.js";

/** Limits within which a text is read here; past them the library is asked, which has the words to refuse it. */
export interface PlainLimits {
  readonly depth: number;
  readonly values: number;
}

/** Thrown where a text needs the library; never leaves this file. */
class NotPlain extends Error {}

/**
 * The values of the documents of a text, exactly as YAML 1.2's core schema gives them; undefined when the text has anything
 * besides the plain part, errors included.
 */
export function readPlainYaml(text: string, limits: PlainLimits): readonly JsonValue[] | undefined {
  // Tabs, other line ends and control characters have rules of their own, and so has a last line that does not end.
  if (/[^\P{Cc}\n]|[\u2028\u2029\ufeff]/u.test(text) || !text.endsWith("\n")) return undefined;
  try {
    const documents = text.replace(/^---\n/, "").split("\n---\n");
    return documents.map((each) => new PlainReader(each.split("\n"), limits).document());
  } catch (cause) {
    if (cause instanceof NotPlain) return undefined;
    throw cause;
  }
}

/** `key:` or `key: value`; keys that could be read as anything but a word are left to the library. */
const entry = /^([A-Za-z_][\w./-]*):(?: +(.*))?$/;
const words: Readonly<Record<string, JsonValue>> = {
  ...{ null: null, Null: null, NULL: null, true: true, True: true, TRUE: true },
  ...{ false: false, False: false, FALSE: false },
};
/** What the core schema reads as a number (YAML 1.2.2, section 10.3.2). */
const number =
  /^(?:[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?|0o[0-7]+|0x[\dA-Fa-f]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
/** Numbers that are written as JSON writes them, and that a double holds exactly as written. */
const plainNumber = /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?$/;
/** Scalars without quotes that begin with no indicator, and hold neither a key nor a comment. */
const plainText = /^(?:[A-Za-z0-9_/.$(+<=^;]|-(?=[^ ]))(?:[^:# ]|:(?! |$)|(?<! )#| (?![ #]|$))*$/;
const singleQuoted = /^'((?:[^']|'')*)'$/;
const doubleQuoted = /^"(?:[^"\\\p{Cc}]|\\["\\/bfnrt]|\\u[\da-fA-F]{4})*"$/u;

/** Reads one document, line by line; the current line may be the rest of one whose dash has been read. */
class PlainReader {
  private at = -1;
  private indent = 0;
  private rest = "";
  private count = 0;
  private readonly lines: readonly string[];
  private readonly limits: PlainLimits;

  constructor(lines: readonly string[], limits: PlainLimits) {
    this.lines = lines;
    this.limits = limits;
    this.advance();
  }

  document(): JsonValue {
    if (this.indent !== 0) throw new NotPlain();
    const value = this.block(0);
    if (this.at < this.lines.length) throw new NotPlain();
    return value;
  }

  /** Goes to the next line that is neither empty nor a comment; indentation -1 after the last. */
  private advance(): void {
    while (++this.at < this.lines.length) {
      const line = this.lines[this.at] ?? "";
      const indent = indentOf(line);
      if (indent === line.length || line[indent] === "#") continue;
      this.indent = indent;
      this.rest = indent === 0 ? line : line.slice(indent);
      return;
    }
    this.indent = -1;
    this.rest = "";
  }

  /** Counts a value and its key. */
  private weigh(): void {
    this.count += 2;
    if (this.count > this.limits.values) throw new NotPlain();
  }

  private isItem(): boolean {
    return this.rest.startsWith("- ") || this.rest === "-";
  }

  private block(depth: number): JsonValue {
    this.weigh();
    if (depth >= this.limits.depth) throw new NotPlain();
    return this.isItem() ? this.list(depth) : this.map(depth);
  }

  private list(depth: number): JsonValue {
    const { indent } = this;
    const items: JsonValue[] = [];
    while (this.indent === indent && this.isItem()) {
      const text = this.rest.slice(1).trimStart();
      if (text.startsWith("- ") || text === "-" || entry.test(text)) {
        this.indent += this.rest.length - text.length;
        this.rest = text;
        items.push(this.block(depth + 1));
      } else {
        items.push(this.value(text, indent, depth, false));
      }
    }
    if (this.indent > indent) throw new NotPlain();
    return items;
  }

  private map(depth: number): JsonValue {
    const { indent } = this;
    const members: Record<string, JsonValue> = {};
    while (this.indent === indent) {
      const [, key, text = ""] = entry.exec(this.rest) ?? [];
      if (key === undefined || Object.hasOwn(words, key) || Object.hasOwn(members, key)) throw new NotPlain();
      setMember(members, key, this.value(text, indent, depth, true));
    }
    if (this.indent > indent) throw new NotPlain();
    return members;
  }

  /** What stands behind a dash or a colon: a scalar, or a block on the lines below. Lists of a key may stand below the key itself. */
  private value(text: string, indent: number, depth: number, listMayAlign: boolean): JsonValue {
    this.weigh();
    if (text.startsWith("|")) return this.literal(text, indent);
    this.advance();
    if (text !== "") return scalar(text);
    const aligned = listMayAlign && this.indent === indent && this.isItem();
    return this.indent > indent || aligned ? this.block(depth + 1) : null;
  }

  /** A literal block, whose indentation is that of its first line (YAML 1.2.2, section 8.1.2). */
  private literal(header: string, parent: number): string {
    if (!/^\|[+-]?$/.test(header)) throw new NotPlain();
    const kept: string[] = [];
    let indent = -1;
    let next = this.at + 1;
    for (; next < this.lines.length; next++) {
      const line = this.lines[next] ?? "";
      const own = indentOf(line);
      if (own === line.length) {
        // Spaces alone can be content, or an error before the first line.
        if (own > 0 && own > indent) throw new NotPlain();
        kept.push("");
        continue;
      }
      if (indent === -1 && own > parent) indent = own;
      if (indent === -1 || own < indent) break;
      kept.push(line.slice(indent));
    }
    if (indent === -1) throw new NotPlain();
    const atEnd = next === this.lines.length;
    this.at = next - 1;
    this.advance();
    return chomped(kept, header, atEnd);
  }
}

/** The lines of a literal block with the line ends at its end as the header says (YAML 1.2.2, section 8.1.1.2). */
function chomped(lines: readonly string[], header: string, atEnd: boolean): string {
  const text = lines.join("\n");
  const content = text.replace(/\n+$/, "");
  if (header === "|-") return content;
  if (header === "|") return `${content}\n`;
  // What is kept at the end of a text depends on how its last line ends.
  if (atEnd) throw new NotPlain();
  return `${text}\n`;
}

function scalar(text: string): JsonValue {
  if (text === "{}") return {};
  if (text === "[]") return [];
  if (text.startsWith("'")) {
    const [, content] = singleQuoted.exec(text) ?? [];
    if (content === undefined) throw new NotPlain();
    return content.replaceAll("''", "'");
  }
  if (text.startsWith('"')) {
    if (!doubleQuoted.test(text)) throw new NotPlain();
    return JSON.parse(text) as string;
  }
  const word = Object.hasOwn(words, text) ? words[text] : undefined;
  if (word !== undefined) return word;
  if (!plainText.test(text)) throw new NotPlain();
  if (!number.test(text)) return text;
  if (!plainNumber.test(text)) throw new NotPlain();
  return Number(text);
}

function indentOf(line: string): number {
  let indent = 0;
  while (line.charCodeAt(indent) === 0x20) indent++;
  return indent;
}
