import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { generateComponents, isPipeline } from "../../src/authoring/index.js";
import { validatePipeline } from "../../src/index.js";
import { compileWithSources, readComponentFiles } from "./read-components.js";

const guide = fileURLToPath(new URL("../../../../docs/guide/authoring.md", import.meta.url));
const moduleSpecifier = new URL("../../src/authoring/index.ts", import.meta.url).pathname;

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sealflow-guide-"));
});
afterAll(() => rm(directory, { recursive: true }));

it("compiles what the guide shows", async () => {
  const text = await readFile(guide, "utf8");
  const python = /```python\n(.*?)```/s.exec(text)?.[1] ?? "";
  const typescript = /```ts\n(.*?)```/s.exec(text)?.[1] ?? "";
  await writeFile(join(directory, "steps.py"), python);
  const [file] = readComponentFiles([join(directory, "steps.py")]);
  if (file === undefined) throw new Error("no description");
  await writeFile(join(directory, "steps.components.ts"), generateComponents(file, { moduleSpecifier }));
  await writeFile(join(directory, "pipeline.ts"), typescript.replace("@sealflow/pipeline", moduleSpecifier));
  const module = (await import(pathToFileURL(join(directory, "pipeline.ts")).href)) as {
    loanDefault: unknown;
  };
  if (!isPipeline(module.loanDefault)) throw new Error("the guide exports no pipeline");
  const document = compileWithSources(module.loanDefault);
  expect(Object.keys(document.spec.root.dag?.tasks ?? {})).toEqual(["load-data", "train"]);
  expect(validatePipeline(document)).toEqual([]);
});
