import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { importModule } from "../src/load/import-module.js";
import { readUserFile } from "../src/load/read-file.js";
import { findProject } from "../src/project/project.js";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sealflow-load-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const path = join(directory, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

const load = (path: string) => importModule(path, { cwd: directory, conditions: [] });

describe("importing a TypeScript file", () => {
  it("strips types, follows local imports and keeps each file's own URL", async () => {
    const other = write("deep/other.ts", "export const url: string = import.meta.url;\n");
    const main = write(
      "main.ts",
      'import { url as other } from "./deep/other.js";\ninterface A { x: number }\nexport const all = [other, import.meta.url, import.meta.dirname] satisfies string[];\n',
    );
    expect((await load(main)).all).toEqual([pathToFileURL(other).href, pathToFileURL(main).href, directory]);
  });

  it("resolves packages from the file that imports them", async () => {
    write(
      "node_modules/thing/package.json",
      '{"name":"thing","exports":{"import":"./esm.mjs","require":"./old.cjs"}}',
    );
    write("node_modules/thing/esm.mjs", "export const kind = 'import';\nexport const url = import.meta.url;");
    write("node_modules/thing/old.cjs", "exports.kind = 'require';");
    const main = write("main.ts", 'export { kind, url } from "thing";\n');
    expect(await load(main)).toMatchObject({
      kind: "import",
      url: pathToFileURL(join(directory, "node_modules/thing/esm.mjs")).href,
    });
  });

  it("takes in packages that ship TypeScript", async () => {
    write("node_modules/typed/package.json", '{"name":"typed","exports":"./index.ts"}');
    write("node_modules/typed/index.ts", "export const answer: number = 42;");
    expect((await load(write("main.ts", 'export { answer } from "typed";\n'))).answer).toBe(42);
  });

  it("names the file and line of the TypeScript in stack traces", async () => {
    const main = write(
      "main.ts",
      "interface A {}\n\nexport function fail(): Error {\n  return new Error('here');\n}\n",
    );
    const { fail } = (await load(main)) as { fail: () => Error };
    expect(fail().stack).toContain(`${main}:4:10`);
  });

  it("reports syntax errors with file, line and column", async () => {
    await expect(load(write("bad.ts", "const a = 1;\nconst b: = 2;\n"))).rejects.toMatchObject({
      code: "CLI_TYPESCRIPT_INVALID",
      where: { file: "bad.ts", line: 2, column: 10 },
    });
  });

  it("reports every import that does not resolve", async () => {
    const main = write("main.ts", 'import "not-there";\nimport "./nor-this.js";\n');
    await expect(load(main)).rejects.toMatchObject({
      code: "CLI_TYPESCRIPT_INVALID",
      findings: [{ where: { line: 1 } }, { where: { line: 2 } }],
    });
  });

  it("says where a module threw while it was loaded", async () => {
    write(
      "lib.ts",
      "interface A {}\nexport function check(): void {\n  throw new RangeError('too far');\n}\n",
    );
    const main = write("main.ts", 'import { check } from "./lib.ts";\ncheck();\n');
    await expect(load(main)).rejects.toMatchObject({
      code: "CLI_MODULE_FAILED",
      message: "the module threw while it was loaded: too far",
      where: { file: join(directory, "lib.ts"), line: 3 },
    });
  });

  it("leaves nothing beside the file", async () => {
    await load(write("main.ts", "export const a = 1;\n"));
    expect(readdirSync(directory)).toEqual(["main.ts"]);
  });
});

describe("a file that the user named", () => {
  it("is missing: the message says so in the user's own spelling", async () => {
    await expect(readUserFile(join(directory, "none.yaml"), "none.yaml")).rejects.toMatchObject({
      code: "CLI_FILE_NOT_FOUND",
      message: "none.yaml: expected a readable file, got no such file",
    });
  });

  it("is a directory", async () => {
    await expect(readUserFile(directory, ".")).rejects.toMatchObject({ code: "CLI_FILE_UNREADABLE" });
  });
});

describe("the project", () => {
  it("is the nearest directory above with a configuration, a store or a package", async () => {
    write("sealflow.config.json", '{"pipeline": "p.ts", "concurrency": 3}');
    mkdirSync(join(directory, "a/b"), { recursive: true });
    expect(await findProject(join(directory, "a/b"))).toEqual({
      directory,
      config: { pipeline: "p.ts", concurrency: 3 },
    });
  });

  it("reports all that is wrong with its configuration", async () => {
    write("sealflow.config.json", '{"pipelin": "p.ts", "concurrency": 0}');
    await expect(findProject(directory)).rejects.toMatchObject({
      code: "CLI_CONFIG_INVALID",
      findings: [
        { hint: "did you mean pipeline?" },
        { message: expect.stringContaining("at least 1, got 0") },
      ],
    });
  });

  it.each(["[]", "{", "null"])("refuses %s as a configuration", async (text) => {
    write("sealflow.config.json", text);
    await expect(findProject(directory)).rejects.toMatchObject({ code: "CLI_CONFIG_INVALID" });
  });
});
