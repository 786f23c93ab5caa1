import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { generateComponents } from "../../src/authoring/index.js";
import { readComponentFiles } from "./read-components.js";

const moduleSpecifier = "../../../../src/authoring/index.js";

/** The generated files are part of the sources that `tsc -b` checks. */
it.each(["roundtrip/steps", "embedding/steps", "generator/tricky-names"])(
  "generates %s.components.ts",
  (name) => {
    const path = (suffix: string): string =>
      fileURLToPath(new URL(`testdata/${name}${suffix}`, import.meta.url));
    const text = readComponentFiles([path(".py")]).map((file) =>
      generateComponents(file, { moduleSpecifier }),
    );
    expect(text).toEqual([readFileSync(path(".components.ts"), "utf8")]);
  },
);

describe("generating", () => {
  let directory = "";
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "sealflow-generate-"));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it("throws everything that is wrong with a file, each with its line", async () => {
    const path = join(directory, "bad.py");
    await writeFile(path, "def a(x): ...\n\ndef b(y: tuple): ...\n");
    const [file] = readComponentFiles([path]);
    if (file === undefined) throw new Error("no description");
    expect(() => generateComponents(file)).toThrow(
      expect.objectContaining({
        code: "PIPELINE_COMPONENTS_INVALID",
        findings: [
          expect.objectContaining({
            code: "PIPELINE_COMPONENT_ANNOTATION_MISSING",
            where: { file: path, line: 1, column: 7 },
          }),
          expect.objectContaining({
            code: "PIPELINE_COMPONENT_TYPE_UNSUPPORTED",
            where: { file: path, line: 3, column: 10 },
          }),
        ],
      }),
    );
  });

  it("imports the published package by default", async () => {
    const path = join(directory, "with space.py");
    await writeFile(path, "def a(): ...\n");
    const [text] = readComponentFiles([path]).map((file) => generateComponents(file));
    expect(text).toContain('import * as sealflow from "@sealflow/pipeline";');
    expect(text).toContain('new URL("./with%20space.py", import.meta.url)');
  });
});
