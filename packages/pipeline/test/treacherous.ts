/** Values that YAML writers and readers are known to get wrong. */
import type { JsonValue } from "@sealflow/core";
import fc from "fast-check";

/** Strings that YAML readers are known to take for something else when they stand unquoted or in a block. */
export const TREACHEROUS = [
  ..."true False YES no On off y N null Null ~ = << - -- --- ... ? : # & * ! | > % @ ` { } [ ] ,".split(" "),
  ..."1 1.0 -1 +1 1e3 1.5e+3 0x1f 0o17 017 0b1 1_000 .5 5. .inf -.Inf .NaN 1:20 190:20:30 2001-01-01".split(
    " ",
  ),
  ..."2001-12-14T21:59:43.10Z 2001-12-14 e1 -e --x -1x a: a:b {{$}}".split(" "),
  ..."'quoted' \"double\" it's '' \"\" \\ \\n".split(" "),
  ...[
    "",
    " ",
    "  lead",
    "trail ",
    "a  b",
    "a: b",
    "a #b",
    "a\tb",
    "\t",
    "\ta",
    "key : x",
    "- item",
    "2001-12-14 21:59:43",
  ],
  ...[
    "a\nb",
    "a\n",
    "\na",
    "\n",
    "\n\n",
    "a\n\n",
    "a\n\n\n",
    "a \nb",
    "a\n b",
    " a\nb",
    "a\n\tb",
    "\ta\nb",
    "a\n \nb",
    "a\n  \n",
  ],
  ...[
    "a\r\nb",
    "a\rb",
    "\u0000",
    "\u0007x",
    "\u007f",
    "\u0085",
    "a\u2028b",
    "\u2029",
    "\ufeff",
    "\ufeffa\nb",
    "\ufffe",
    "\uffff",
  ],
  ...[
    "ä",
    "日本語",
    "😀",
    "a\n😀\n",
    "\u00a0",
    "\u00a0a\nb",
    "---\na",
    "a\n---\nb",
    "a\n...\n",
    "# a\nb",
    "%YAML 1.2\na",
  ],
];

const text = fc.oneof(
  fc.constantFrom(...TREACHEROUS),
  fc.string({ unit: "binary" }),
  fc
    .array(fc.constantFrom("a", " ", "\n", "\t", ":", "#", "-", "'", '"', "\\", "1", ".", "é"), {
      maxLength: 12,
    })
    .map((all) => all.join("")),
);
const number = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(-0, 1e21, 1e-7, 5e-324, 1.5e300, 2 ** 53),
);
/** Any JSON value, with treacherous texts and numbers in it. */
export const json: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(text, number, fc.boolean(), fc.constant(null)),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(
      text.filter((key) => key !== "__proto__"),
      tie("value"),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
})).value;
