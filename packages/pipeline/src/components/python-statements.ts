/** Python text cut into its top-level statements, by a scan that knows strings, comments, brackets and continued lines. */

const TRIPLE = /^(?:"""|''')/;
/** Lines that go on with the statement above although they are not indented. */
const CONTINUES = /^(?:#.*\n)*(?:elif|else|except|finally)\b/;
/** At the start of a line: comments may stand above. */
const DECORATED = /^@/m;
const DEFINES = /^(?:async\s+def|def|class)\b/m;

/**
 * The statements in order, each with its decorators, the comment right above it, and comments after it that stand
 * above no other. What comes before the first is a piece of its own. Undefined for text that does not end as Python does,
 * with a string or bracket left open.
 */
export function topLevelStatements(text: string): readonly string[] | undefined {
  const lines = topLevelLines(text);
  if (lines === undefined) return undefined;
  const starts = lines.flatMap(({ at, comment }, index) =>
    comment ? [] : [startOf(text, lines, index) ?? at],
  );
  const pieces = [0, ...starts]
    .map((start, index) => text.slice(start, starts[index]))
    .filter((piece) => piece !== "");
  const joined: string[] = [];
  for (const piece of pieces) {
    const last = joined.at(-1);
    const awaited = last !== undefined && DECORATED.test(last) && !DEFINES.test(last);
    if (last !== undefined && (awaited || CONTINUES.test(piece))) joined[joined.length - 1] = last + piece;
    else joined.push(piece);
  }
  return joined.map((statement) => statement.trim()).filter((statement) => statement !== "");
}

interface Line {
  readonly at: number;
  readonly comment: boolean;
}

/** Where the comment right above a statement starts; undefined for none, and for the file's head. */
function startOf(text: string, lines: readonly Line[], index: number): number | undefined {
  let start: number | undefined;
  for (let above = index - 1; above >= 0; above -= 1) {
    const line = lines[above];
    if (!line?.comment || endOfLine(text, line.at) + 1 !== (start ?? lines[index]?.at)) return start;
    start = line.at;
  }
  return undefined;
}

/** Unindented lines outside of strings, brackets and continued lines that are not empty. */
function topLevelLines(text: string): Line[] | undefined {
  const lines: Line[] = [];
  let depth = 0;
  let lineStart = true;
  let at = 0;
  while (at < text.length) {
    const character = text.charAt(at);
    if (lineStart && depth === 0 && !/[\s)\]}]/.test(character))
      lines.push({ at, comment: character === "#" });
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
  return depth === 0 ? lines : undefined;
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
