/** HTML and SVG text in which everything that is put in is escaped, unless it is markup itself. */

/** Text that is safe to put into a page. Made only by `html`, or by `trusted` from constants of this program. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What may be put into markup: text and numbers are escaped, markup is taken as it is, nothing gives nothing. */
export type Content = string | number | Markup | undefined | readonly Content[];

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Escapes text for element content and for quoted attributes; control characters become the replacement sign. */
export function escapeText(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, "\ufffd")
      .replace(/[&<>"']/g, (char) => entities[char] ?? char)
  );
}

function render(content: Content): string {
  if (content === undefined) return "";
  if (content instanceof Markup) return content.text;
  if (typeof content === "string") return escapeText(content);
  if (typeof content === "number") return String(content);
  return content.map(render).join("");
}

/** Template tag: `html\`<b>${name}</b>\`` escapes `name`. Attributes must be quoted. */
export function html(strings: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  return new Markup(strings.map((part, index) => part + render(contents[index])).join(""));
}

/** Marks a constant of this program as markup. Never for anything that was read. */
export function trusted(text: string): Markup {
  return new Markup(text);
}
