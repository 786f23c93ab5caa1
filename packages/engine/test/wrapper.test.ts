import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runPython } from "../../../test-support/python.js";
import { needsRealKfp } from "../src/executors/kfp-use.js";
import { commandsOf } from "../src/executors/shell-words.js";
import { pythonComponent } from "../src/executors/wrapper.js";
import { temporaryDirectory } from "./temporary.js";

const program = `
import json, warnings
warnings.simplefilter("ignore")
from kfp import dsl
from kfp.dsl.component_factory import create_component_from_func
cases = json.loads(input())
def hello(name: str) -> str:
    return name
def plain(**options):
    component = create_component_from_func(hello, **options)
    c = component.component_spec.implementation.container
    return {"image": c.image, "command": c.command, "args": c.args}
print(json.dumps([plain(**case) for case in cases]))
`;

describe("components compiled by kfp", () => {
  it("are recognised with what they install, in each of kfp's variants", async () => {
    const variants = [
      {},
      { packages_to_install: ["pandas==2.2.0", "scikit-learn>=1.4,<2"] },
      {
        packages_to_install: ['tomli==2.0; python_version<"3.13"', "it's"],
        pip_index_urls: ["https://a/", "https://b/"],
      },
      { packages_to_install: ["x"], pip_index_urls: ["https://a/"], pip_trusted_hosts: ["a"] },
      { install_kfp_package: false },
      { packages_to_install: ["kfp==2.16.0"] },
      { packages_to_install: ["x"], use_venv: true },
    ];
    // kfp reads the function's source back from its file.
    const file = join(temporaryDirectory(), "program.py");
    writeFileSync(file, program);
    const output = await runPython([file], JSON.stringify(variants));
    const found = (JSON.parse(output) as { image: string }[]).map((container) => pythonComponent(container));
    expect(found.map((component) => component?.function)).toEqual(variants.map(() => "hello"));
    expect(found.every((component) => component?.source.includes("def hello(name: str)"))).toBe(true);
    const once = (requirements: string[]) => [{ requirements, noDependencies: false }];
    expect(found.map((component) => component?.needs)).toEqual([
      { installations: [], indexUrls: [], trustedHosts: [] },
      { installations: once(["pandas==2.2.0", "scikit-learn>=1.4,<2"]), indexUrls: [], trustedHosts: [] },
      {
        installations: once(['tomli==2.0; python_version<"3.13"', "it's"]),
        indexUrls: ["https://a/", "https://b/"],
        trustedHosts: ["https://a/", "https://b/"],
      },
      { installations: once(["x"]), indexUrls: ["https://a/"], trustedHosts: ["a"] },
      { installations: [], indexUrls: [], trustedHosts: [] },
      { installations: [], indexUrls: [], trustedHosts: [] },
      { installations: once(["x"]), indexUrls: [], trustedHosts: [] },
    ]);
  });
});

const wrapped = (script: string, source = "def f(): pass", env: { name: string; value: string }[] = []) => ({
  image: "python:3.11",
  command: ["sh", "-c", script, "sh", "-ec", 'python3 -m kfp.dsl.executor_main --path "$0" "$@"', source],
  args: ["--executor_input", "{{$}}", "--function_to_execute", "f"],
  env,
});

describe("wrappers", () => {
  it("with a component that uses more of kfp than its runtime get the real kfp", () => {
    const script = 'pip install \'kfp==2.17.0\' --no-deps && "$0" "$@"';
    expect(pythonComponent(wrapped(script))?.needs.installations).toEqual([]);
    const real = wrapped(script, "from kfp import compiler\ndef f(): pass");
    expect(pythonComponent(real)?.needs.installations).toEqual([
      { requirements: ["kfp==2.17.0"], noDependencies: true },
    ]);
  });

  it("that name a lock need the lock", () => {
    const digest = "a".repeat(64);
    const container = wrapped("pip install x==1", "", [{ name: "SEALFLOW_LOCK_SHA256", value: digest }]);
    expect(pythonComponent(container)?.needs.lock).toBe(`sha256:${digest}`);
  });

  it("with an option that an environment built once can't follow are refused", () => {
    for (const script of ["pip install -r x.txt", "pip install --target=/x y", "pip install --index-url"]) {
      expect(() => pythonComponent(wrapped(script))).toThrow(
        expect.objectContaining({ code: "ENGINE_REQUIREMENTS_UNSUPPORTED" }),
      );
    }
  });

  it.each([
    ["no command", { image: "i" }],
    ["another command", { image: "i", command: ["sh", "-c", "echo kfp.dsl.executor_main $0"] }],
    ["no function's name", { ...wrapped("true"), args: [] }],
    ["words behind the source", { ...wrapped("true"), command: [...wrapped("true").command, "more"] }],
    ["a module of the image", { image: "i", command: ["python3", "-m", "kfp.dsl.executor_main"], args: [] }],
  ])("are not seen in containers with %s", (_, container) => {
    expect(pythonComponent(container)).toBeUndefined();
  });
});

describe("a source", () => {
  it.each([
    "import kfp\nfrom kfp import dsl\nfrom kfp.dsl import *\nfrom typing import *",
    "from kfp.dsl import Input, Output, Dataset",
    "from kfp import dsl as d",
    "import pandas as pd\n# kfp.compiler is not used",
    "x = kfp.dsl.Dataset",
    "print('see https://kfp.example/kfp.html')",
  ])("that needs only the runtime: %j", (source) => expect(needsRealKfp(source)).toBe(false));

  it.each([
    "from kfp import compiler",
    "from kfp import dsl, compiler",
    "import kfp.components",
    "import kfp\nc = kfp.Client()",
    "import yaml",
    "    from kubernetes import client",
    "from google.cloud import storage",
  ])("that needs the real kfp: %j", (source) => expect(needsRealKfp(source)).toBe(true));
});

describe("shell words", () => {
  it("survive quoting", () => {
    const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
    const word = fc.string({ minLength: 1 }).filter((text) => !text.includes("\0"));
    fc.assert(
      fc.property(fc.array(fc.array(word, { minLength: 1 }), { minLength: 1 }), (commands) => {
        const script = commands.map((words) => words.map(quote).join(" ")).join(" && ");
        expect(commandsOf(script)).toEqual(commands);
      }),
      { numRuns: process.env.SEALFLOW_SLOW ? 2000 : 50 },
    );
  });

  it("are split at operators and line ends, comments left out, lines joined", () => {
    expect(commandsOf('a "b \\"c" \\\n d; e\n# f\ng || h&i#j')).toEqual([
      ["a", 'b "c', "d"],
      ["e"],
      ["g"],
      ["h"],
      ["i#j"],
    ]);
  });
});
