/**
 * Scalars of the YAML that we write. Only forms are used that YAML 1.1 readers (PyYAML, which Kubeflow's SDK uses)
 * and YAML 1.2 readers understand alike; whatever is doubtful is quoted.
 */

/** Words that YAML 1.1 or 1.2 read as a boolean or null when they stand unquoted, in lower case. */
const RESERVED_WORDS = new Set(["true", "false", "yes", "no", "on", "off", "y", "n", "null"]);

/**
 * Starts with a letter (so it is no number, date or indicator), single spaces only, `:` and `#` where they can't be
 * taken for a mapping or a comment.
 */
const PLAIN = /^(?:--?)?[A-Za-z_/][\w./@+=:-]*(?: [\w./@+=-][\w./@+=:-]*)*$/;

/** What PyYAML's reader calls printable (YAML 1.1, section 5.1), without line separators and the byte-order mark. */
const PRINTABLE = /^[\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]*$/u;

/** A string on one line: plain where that is safe, else in single quotes, else in double quotes. */
export function inlineString(text: string): string {
  if (isPlain(text)) return text;
  if (PRINTABLE.test(text)) return `'${text.replaceAll("'", "''")}'`;
  return doubleQuoted(text);
}

function isPlain(text: string): boolean {
  return (
    text.length <= 400 && PLAIN.test(text) && !/:( |$)/.test(text) && !RESERVED_WORDS.has(text.toLowerCase())
  );
}

/** Double quotes with escapes that JSON and both YAML versions share; well-formed pairs stay as they are. */
function doubleQuoted(text: string): string {
  let quoted = "";
  for (const char of text) quoted += PRINTABLE.test(char) && !/["\\]/.test(char) ? char : escapeOf(char);
  return `"${quoted}"`;
}

function escapeOf(char: string): string {
  if (char === '"' || char === "\\") return `\\${char}`;
  if (char === "\n") return "\\n";
  if (char === "\t") return "\\t";
  if (char === "\r") return "\\r";
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/**
 * The lines of a literal block (`|`) for a text of several lines, or undefined where a block would not give back the
 * same text: unprintable characters, tabs in the indentation, a first line that starts with white space.
 */
export function blockString(
  text: string,
): { readonly indicator: string; readonly lines: readonly string[] } | undefined {
  const body = text.replace(/\n+$/, "");
  const newlines = text.length - body.length;
  if (!text.includes("\n") || body === "" || !isBlockSafe(body)) return undefined;
  const lines = body.split("\n");
  if (newlines === 0) return { indicator: "|-", lines };
  if (newlines === 1) return { indicator: "|", lines };
  return { indicator: "|+", lines: [...lines, ...Array<string>(newlines - 1).fill("")] };
}

function isBlockSafe(body: string): boolean {
  const lines = body.split("\n");
  const first = lines.find((line) => line !== "") ?? "";
  return (
    !/^\s/.test(first) &&
    lines.every((line) => PRINTABLE.test(line.replaceAll("\t", "")) && !/^ *\t/.test(line))
  );
}

/**
 * A number that both YAML versions read as the same number: exponents need a fraction in YAML 1.1.
 *
 * @throws RangeError for NaN and infinities, which JSON does not have.
 */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError(`YAML: expected a finite number, got ${value}`);
  if (Object.is(value, -0)) return "-0.0";
  const text = String(value);
  return /^-?\d+e/.test(text) ? text.replace("e", ".0e") : text;
}
