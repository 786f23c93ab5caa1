import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderMarkdown } from "../src/index.js";

const rendered = (text: string) =>
  /^<div class="prose">([\s\S]*)<\/div>$/.exec(renderMarkdown(text).text)?.[1];

describe("Markdown in reports", () => {
  it.each([
    ["# Title", "<h4>Title</h4>"],
    ["### Part", "<h5>Part</h5>"],
    ["one\ntwo\n\nthree", "<p>one\ntwo</p><p>three</p>"],
    ["text\n- a\n- `b`", "<p>text</p><ul><li>a</li><li><code>b</code></li></ul>"],
    ["**bold** and `co**de**`", "<p><b>bold</b> and <code>co**de**</code></p>"],
    ["```py\n# no title\n<a>\n```\nend", "<pre># no title\n&lt;a&gt;</pre><p>end</p>"],
    ["```\nopen", "<pre>open</pre>"],
    ["[a](https://example.org) ![b](c.png)", "<p>[a](https://example.org) ![b](c.png)</p>"],
    ["<b>raw</b> & co", "<p>&lt;b&gt;raw&lt;/b&gt; &amp; co</p>"],
    ["| not a table", "<p>| not a table</p>"],
    ["", ""],
  ])("%j", (text, expected) => {
    expect(rendered(text)).toBe(expected);
  });

  it("draws tables, with numbers to the right, as many cells as there are titles, and escaped bars", () => {
    expect(rendered("| a | b |\n|---|---:|\n| x\\|y | 1,234.5 |\n| z |\nend")).toBe(
      '<div class="scroll"><table><thead><tr><th>a</th><th>b</th></tr></thead><tbody>' +
        '<tr><td>x|y</td><td class="number">1,234.5</td></tr><tr><td>z</td><td></td></tr></tbody></table></div>' +
        "<p>end</p>",
    );
  });

  it("makes no element that it does not know, whatever is written", () => {
    const piece = fc.constantFrom(
      "<script>",
      "<img src=x>",
      "|",
      "\n",
      "`",
      "**",
      "# ",
      "- ",
      "```",
      "|---|",
      "a",
      '"',
      "&",
    );
    const known =
      /<\/?(?:div|h4|h5|p|pre|ul|li|code|b|table|thead|tbody|tr|th|td)(?: class="(?:prose|scroll|number)")?>/g;
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        expect(renderMarkdown(pieces.join("")).text.replace(known, "")).not.toMatch(/[<>]/);
      }),
      { numRuns: process.env.SEALFLOW_SLOW ? 2000 : 100 },
    );
  });
});
