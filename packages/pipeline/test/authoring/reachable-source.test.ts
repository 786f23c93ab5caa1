import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bundledSource, embeddedParts } from "../../src/components/bundle.js";
import type { ComponentFile, LocalModule } from "../../src/components/component-file.js";
import { topLevelStatements } from "../../src/components/python-statements.js";
import { reachableSource } from "../../src/components/reachable-source.js";

const file = (text: string, modules: readonly LocalModule[] = []): ComponentFile => ({
  path: "steps.py",
  text,
  modules,
  imports: [],
  requirements: { dependencies: [] },
  components: [],
  errors: [],
});
const module = (name: string, text: string, isPackage = false): LocalModule => ({
  name,
  path: `${name.replaceAll(".", "/")}.py`,
  text,
  package: isPackage,
});

const STEPS = `# /// script
# dependencies = []
# ///
"""Says that second is a step."""
import os

__all__ = ["first", "second"]
LIMIT = 3


def first(x: int) -> int:
    return shared(x) + LIMIT


# Of the second step.
def second(name: str) -> str:
    from tools.text import upper

    return upper(name)


def shared(x: int) -> int:
    return x * 2
`;
const modules = [
  module("tools", "", true),
  module("tools.text", "from tools.base import one\n\n\ndef upper(x):\n\treturn x.upper()\n"),
  module("tools.base", "one = 1\n"),
  module("tools.other", "two = 2\n"),
];
const reach = (name: string, text = STEPS, others = modules) =>
  reachableSource(bundledSource(file(text, others)), name);

describe("what a component reaches in its source", () => {
  it("is itself and what it names, not its neighbours, their modules or their documentation", () => {
    expect(JSON.parse(reach("first"))).toEqual({
      modules: [],
      statements: [
        "# /// script\n# dependencies = []\n# ///",
        "import os",
        "LIMIT = 3",
        "def first(x: int) -> int:\n    return shared(x) + LIMIT",
        "def shared(x: int) -> int:\n    return x * 2",
      ],
    });
    const second = JSON.parse(reach("second"));
    expect(second.modules.map(([name]: [string]) => name)).toEqual(["tools", "tools.text", "tools.base"]);
    expect(second.statements).toHaveLength(4);
  });

  it.each([
    ["its own body", (text: string) => text.replace("+ LIMIT", "- LIMIT"), true],
    ["a function that it calls", (text: string) => text.replace("x * 2", "x * 3"), true],
    ["a constant", (text: string) => text.replace("LIMIT = 3", "LIMIT = 4"), true],
    ["an import", (text: string) => text.replace("import os", "import sys"), true],
    ["a neighbour", (text: string) => text.replace("return upper(name)", "return name"), false],
    ["a comment in its body", (text: string) => text.replace("+ LIMIT", "+ LIMIT  # three"), true],
    ["a comment above it", (text: string) => text.replace("def first", "# Why.\ndef first"), true],
    ["a comment below it", (text: string) => text.replace("+ LIMIT\n", "+ LIMIT\n\n# Or so.\n"), true],
    ["the head of the file", (text: string) => text.replace("= []", '= ["x"]'), true],
    ["a neighbour's comment", (text: string) => text.replace("Of the second", "The second"), false],
    ["the list of components", (text: string) => text.replace('"first", ', ""), false],
    ["a new neighbour", (text: string) => `${text}\n\ndef third() -> int:\n    return 3\n`, false],
  ])("changes with what decides the result: %s", (_, change, expected) => {
    expect(change(STEPS)).not.toBe(STEPS);
    expect(reach("first", change(STEPS)) !== reach("first")).toBe(expected);
  });

  it("changes with a module that another one imports, and not with one that nobody reaches", () => {
    const changed = (name: string) =>
      modules.map((each) => (each.name === name ? { ...each, text: `${each.text}three = 3\n` } : each));
    expect(reach("second", STEPS, changed("tools.base"))).not.toBe(reach("second"));
    expect(reach("second", STEPS, changed("tools"))).not.toBe(reach("second"));
    expect(reach("second", STEPS, changed("tools.other"))).toBe(reach("second"));
    expect(reach("first", STEPS, changed("tools.base"))).toBe(reach("first"));
  });

  it.each([
    ["import tools.other", true],
    ["from tools import base, other", true],
    ["from tools import (\n        base,\n        other as o,\n    )", true],
    ["from tools import base, \\\n        other", true],
    ["from .other import two", true],
    ["from tools\\\n        .other import two", true],
    ["return tools.other.two", true],
    ["other = 1", false],
    ["return 'other'", false],
  ])("has a module that it imports, whatever the form: %s", (line, expected) => {
    const { modules } = JSON.parse(
      reach("first", STEPS.replace("return shared(x)", `${line}\n    return 1`)),
    );
    expect(modules.some(([name]: [string]) => name === "tools.other")).toBe(expected);
  });

  it.each([
    ["a decorated function, which may have been registered", "@register\ndef plugin():\n    pass\n"],
    ["a class", "class Plugin(Base):\n    pass\n"],
    ["a statement", "register(plugin)\n"],
    ["a branch", "if os.name:\n    a = 1\nelse:\n    a = 2\n"],
  ])("keeps what runs on import: %s", (_, text) => {
    expect(reach("first", STEPS + text)).not.toBe(reach("first"));
  });

  it.each([
    ["names are computed", `${STEPS}\nNAME = globals()["sec" + "ond"]\n`],
    ["a module is found by a computed name", STEPS.replace("+ LIMIT", "+ importlib.import_module(name)")],
    ["a bracket stays open", `${STEPS}\nx = (1,\n`],
    ["a string stays open", `${STEPS}\nx = """\n`],
  ])("is the whole source where %s", (_, text) => {
    const whole = bundledSource(file(text, modules));
    expect(reachableSource(whole, "first")).toBe(whole);
  });

  it("is the whole source for a function that is not there, and for a damaged head", () => {
    const whole = bundledSource(file(STEPS, modules));
    expect(reachableSource(whole, "third")).toBe(whole);
    const damaged = whole.replace("_sealflow_sys.meta_path", "_sealflow_sys.path");
    expect(reachableSource(damaged, "first")).toBe(damaged);
  });

  it("counts names in strings and in other scripts, and annotations that are put in afterwards", () => {
    const text =
      'def größe():\n    return table["helper"]\n\n\ndef helper():\n    return 1\n\n\ndef other():\n    return 2\n';
    const foot = 'größe.__annotations__["x"] = str\nother.__annotations__["x"] = str\n';
    const { statements } = JSON.parse(reachableSource(text + foot, "größe"));
    expect(statements).toHaveLength(3);
    expect(statements.join()).not.toContain("other");
  });
});

describe("an embedded source", () => {
  it("comes apart into the modules and the text that it was made of", () => {
    const text = fc.string({
      unit: fc.constantFrom("a", "\n", '"', "\\", "\t", "\r", "é", "\u2028", ")", " ", "😀"),
    });
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 3 }), text, (texts, own) => {
        const made = texts.map((each, index) => module(`m${index}`, each));
        const parts = embeddedParts(bundledSource(file(own, made)));
        expect(parts?.modules).toEqual(made);
        expect(parts?.text.trimStart()).toBe(own.trimStart());
      }),
      { numRuns: process.env.SEALFLOW_SLOW ? 1000 : 50 },
    );
  });
});

describe("top-level statements", () => {
  it("are not cut inside of strings, brackets and continued lines", () => {
    const pieces = [
      "# head\n#",
      'a = """\ndef no():\n\\"""\n# no"""',
      "b = (\n1,\n)\n\n# of b\n\n# of b too",
      "# of c\n# as well\nc = 1 + \\\n2",
      "try:\n    pass\nexcept E:\n    pass\n# why\nfinally:\n    pass",
      "# of d\n@one\n@two(\n3)\n# why\nasync def d():\n    return '#'",
      "e = r'\\\\' # def x(\n# end",
    ];
    expect(topLevelStatements(`${pieces.join("\n\n")}\n`)).toEqual(pieces);
  });
});
