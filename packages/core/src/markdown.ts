/**
 * The part of Markdown that reports use, as markup: headings, paragraphs, lists, tables, code, `code` and **bold**. All
 * else stays text as it was written; links and images too, because a report leads nowhere and loads nothing.
 */
import { html, type Markup } from "./markup.js";

/** Blocks by the line that starts them; the first that fits takes its lines and says how many they are. */
type Block = (
  lines: readonly string[],
  at: number,
) => { readonly markup: Markup; readonly end: number } | undefined;

const BLOCKS: readonly Block[] = [fence, heading, table, list];

/** Renders a text; what it holds is escaped. */
export function renderMarkdown(text: string): Markup {
  const lines = text.split(/\r?\n/);
  const parts: Markup[] = [];
  let at = 0;
  while (at < lines.length) {
    if ((lines[at] ?? "").trim() === "") {
      at += 1;
      continue;
    }
    const { markup, end } = blockAt(lines, at) ?? paragraph(lines, at);
    parts.push(markup);
    at = end;
  }
  return html`<div class="prose">${parts}</div>`;
}

function blockAt(lines: readonly string[], at: number): ReturnType<Block> {
  for (const block of BLOCKS) {
    const found = block(lines, at);
    if (found !== undefined) return found;
  }
  return undefined;
}

function fence(lines: readonly string[], at: number): ReturnType<Block> {
  if (!lines[at]?.startsWith("```")) return undefined;
  const end = endOfRun(lines, at + 1, (line) => !line.startsWith("```"));
  return { markup: html`<pre>${lines.slice(at + 1, end).join("\n")}</pre>`, end: end + 1 };
}

/** Two levels below the page's own headings. */
function heading(lines: readonly string[], at: number): ReturnType<Block> {
  const found = /^(#{1,6}) (.*)$/.exec(lines[at] ?? "");
  if (found === null) return undefined;
  const text = inline((found[2] ?? "").trim());
  const markup = found[1] === "#" ? html`<h4>${text}</h4>` : html`<h5>${text}</h5>`;
  return { markup, end: at + 1 };
}

function table(lines: readonly string[], at: number): ReturnType<Block> {
  const head = lines[at] ?? "";
  if (!head.startsWith("|") || !/^\|[\s:|-]+\|?\s*$/.test(lines[at + 1] ?? "")) return undefined;
  const end = endOfRun(lines, at + 2, (line) => line.startsWith("|"));
  const columns = cellsOf(head);
  const rows = lines.slice(at + 2, end).map((line) => {
    const cells = cellsOf(line);
    return html`<tr>${columns.map((_, index) => cell(cells[index] ?? ""))}</tr>`;
  });
  const titles = columns.map((title) => html`<th>${inline(title)}</th>`);
  const markup = html`<div class="scroll"><table><thead><tr>${titles}</tr></thead><tbody>${rows}</tbody></table></div>`;
  return { markup, end };
}

/** Cells end at bars that no backslash stands before. */
function cellsOf(line: string): string[] {
  const inner = line.trim().replace(/^\|/, "").replace(/\|$/, "");
  return inner.split(/(?<!\\)\|/).map((text) => text.trim().replaceAll("\\|", "|"));
}

function cell(text: string): Markup {
  const number = /^[-+]?[\d.,]+(?:e[-+]?\d+)?\s?%?$/i.test(text);
  return number ? html`<td class="number">${text}</td>` : html`<td>${inline(text)}</td>`;
}

function list(lines: readonly string[], at: number): ReturnType<Block> {
  const isItem = (line: string) => /^[-*] /.test(line);
  if (!isItem(lines[at] ?? "")) return undefined;
  const end = endOfRun(lines, at, isItem);
  const items = lines.slice(at, end).map((line) => html`<li>${inline(line.slice(2))}</li>`);
  return { markup: html`<ul>${items}</ul>`, end };
}

function paragraph(lines: readonly string[], at: number): NonNullable<ReturnType<Block>> {
  const starts = (line: string) => /^(?:```|#{1,6} |\||[-*] )/.test(line);
  const end = endOfRun(lines, at + 1, (line) => line.trim() !== "" && !starts(line));
  return { markup: html`<p>${inline(lines.slice(at, end).join("\n"))}</p>`, end };
}

function endOfRun(lines: readonly string[], from: number, belongs: (line: string) => boolean): number {
  let end = from;
  while (end < lines.length && belongs(lines[end] ?? "")) end += 1;
  return end;
}

function inline(text: string): Markup[] {
  return text.split(/(`[^`\n]+`|\*\*[^*\n]+\*\*)/).map((part, index) => {
    if (index % 2 === 0) return html`${part}`;
    return part.startsWith("`") ? html`<code>${part.slice(1, -1)}</code>` : html`<b>${part.slice(2, -2)}</b>`;
  });
}
