/** A page for a Markdown artifact. */
import { html, renderMarkdown, trusted } from "@sealflow/core";

const style = trusted(`
:root{color-scheme:light;--line:#e3e3df;--sunken:#f0f0ed}
:root[data-theme=dark]{color-scheme:dark;--line:#34373c;--sunken:#24272b}
body{margin:0;padding:18px 20px;font:14px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;background:transparent}
[data-theme=dark] body{background:#1a1c1f}
h4{margin:0 0 .5em;font-size:1.3em}h5{margin:1.3em 0 .4em;font-size:1.05em}
p,ul,pre,table{margin:0 0 1em}code,pre{font:12.5px/1.55 ui-monospace,Menlo,monospace;background:var(--sunken);border-radius:4px}
code{padding:1px 4px}pre{padding:12px 14px;overflow:auto}
table{border-collapse:collapse}th,td{padding:5px 14px;border-bottom:1px solid var(--line);text-align:left}
td.number{text-align:right;font-variant-numeric:tabular-nums}.scroll{overflow-x:auto}
`);

/** The text as a page. @param theme `dark`, or anything else for light. */
export function markdownPage(text: string, theme: string | undefined): string {
  const kind = theme === "dark" ? "dark" : "light";
  return `<!doctype html>${html`<html lang="en" data-theme="${kind}"><head><meta charset="utf-8"><title>Markdown</title><style>${style}</style></head><body>${renderMarkdown(text)}</body></html>`.text}`;
}
