/** Python text cut into its top-level statements, by a scan that knows strings, comments, brackets and continued lines. */

const TRIPLE = /^(?:"""|''')/;
/** Lines that go on with the statement above although they are not indented. */
const CONTINUES = /^(?:elif|else|except|finally)\b/;
const DECORATED = /^@/;
const DEFINES = /^(?:async\s+def|def|class)\b/m;

/**
 * The statements in order, each with its decorators and without comments after it. Undefined for text that does not
 * end as Python does, with a string or bracket left open.
 */
export function topLevelStatements(text: string): readonly string[] | undefined {
  const starts = statementStarts(text);
  if (starts === undefined) return undefined;
  const pieces = starts.map((start, index) => text.slice(start, starts[index + 1]));
  const joined: string[] = [];
  for (const piece of pieces) {
    const last = joined.at(-1);
    const awaited = last !== undefined && DECORATED.test(last) && !DEFINES.test(last);
    if (last !== undefined && (awaited || CONTINUES.test(piece))) joined[joined.length - 1] = last + piece;
    else joined.push(piece);
  }
  return joined.map(withoutTrail);
}

/** Offsets of unindented lines outside of strings, brackets and continued lines that are neither empty nor comments. */
function statementStarts(text: string): number[] | undefined {
  const starts: number[] = [];
  let depth = 0;
  let lineStart = true;
  let at = 0;
  while (at < text.length) {
    const character = text.charAt(at);
    if (lineStart && depth === 0 && !/[\s#)\]}]/.test(character)) starts.push(at);
    lineStart = character === "\n";
    if (character === "#") at = endOfLine(text, at);
    else if (character === '"' || character === "'") at = endOfString(text, at);
    else if (character === "\\") at += text.startsWith("\r\n", at + 1) ? 3 : 2;
    else {
      if ("([{".includes(character)) depth += 1;
      if (")]}".includes(character)) depth -= 1;
      at += 1;
    }
    if (at < 0 || depth < 0) return undefined;
  }
  return depth === 0 ? starts : undefined;
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end === -1 ? text.length : end;
}

/** The offset after the string that starts here; below zero when it does not end. */
function endOfString(text: string, from: number): number {
  const [quote] = TRIPLE.exec(text.slice(from, from + 3)) ?? [text.charAt(from)];
  for (let at = from + quote.length; at < text.length; at += 1) {
    if (text.charAt(at) === "\\") at += 1;
    else if (text.startsWith(quote, at)) return at + quote.length;
    else if (quote.length === 1 && text.charAt(at) === "\n") return -1;
  }
  return -1;
}

function withoutTrail(statement: string): string {
  const lines = statement.split("\n");
  while (lines.length > 1 && /^\s*(?:#.*)?$/.test(lines.at(-1) ?? "")) lines.pop();
  return lines.join("\n").trimEnd();
}
