import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { testPython } from "../../../../test-support/python.js";
import {
  type AnyPipeline,
  type ComponentFile,
  compilePipeline,
  componentSources,
} from "../../src/authoring/index.js";
import type { PipelineDocument } from "../../src/index.js";

const pythonSources = fileURLToPath(new URL("../../../../python/src", import.meta.url));

/** Reads Python component files as the command line does. */
export function readComponentFiles(paths: readonly string[]): ComponentFile[] {
  const env = { ...process.env, PYTHONPATH: pythonSources };
  const text = execFileSync(testPython(), ["-m", "sealflow.signatures", ...paths], { env, encoding: "utf8" });
  return JSON.parse(text) as ComponentFile[];
}

/** Compiles a pipeline with the sources that it needs. */
export function compileWithSources(definition: AnyPipeline): PipelineDocument {
  const urls = componentSources(definition);
  const files = urls.length === 0 ? [] : readComponentFiles(urls.map((url) => fileURLToPath(url)));
  const sources: Record<string, ComponentFile> = {};
  for (const [index, url] of urls.entries()) if (files[index]) sources[url] = files[index];
  return compilePipeline(definition, { sources });
}
