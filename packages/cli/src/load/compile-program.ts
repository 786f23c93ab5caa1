/** A TypeScript file's pipeline, compiled. */
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { SealflowError } from "@sealflow/core";
import {
  type ComponentFile,
  compilePipeline,
  componentSources,
  isPipeline,
  type PipelineDefinition,
  type PipelineDocument,
  withLocks,
} from "@sealflow/pipeline";
import type { CliContext } from "../context.js";
import { nearest } from "../nearest.js";
import { importModule } from "./import-module.js";
import type { SignatureReader } from "./python.js";
import { readUserFile } from "./read-file.js";

/**
 * Imports the file, which runs its code, chooses its pipeline and compiles that, with the locks that its components name.
 *
 * @throws SealflowError `CLI_TYPESCRIPT_INVALID`, `CLI_MODULE_FAILED`, `CLI_PIPELINE_…`, `CLI_SIGNATURES_FAILED`,
 * `PIPELINE_…` for what is wrong in the pipeline.
 */
export async function compileProgram(
  context: CliContext,
  path: string,
  options: { readonly pipeline?: string | undefined; readonly signatures: SignatureReader },
): Promise<PipelineDocument> {
  const shown = relative(context.cwd, path);
  const definition = choose(await importModule(path, context), shown, options.pipeline);
  const urls = componentSources(definition);
  const files = await options.signatures.read(urls.map((url) => fileURLToPath(url)));
  const sources = Object.fromEntries(
    urls.flatMap((url, index) => (files[index] ? [[url, files[index]]] : [])),
  );
  return withLocks(compilePipeline(definition, { sources }), await readLocks(files));
}

function choose(
  module: Readonly<Record<string, unknown>>,
  file: string,
  wanted: string | undefined,
): PipelineDefinition {
  const found = new Map<string, PipelineDefinition>();
  for (const [name, value] of Object.entries(module)) if (isPipeline(value)) found.set(name, value);
  const distinct = [...new Set(found.values())];
  const names = [...found].map(([name, { pipelineName }]) => (name === "default" ? pipelineName : name));
  if (wanted !== undefined) {
    const chosen = found.get(wanted) ?? distinct.find(({ pipelineName }) => pipelineName === wanted);
    if (chosen !== undefined) return chosen;
    const meant = nearest(wanted, names);
    throw problem(
      "CLI_PIPELINE_UNKNOWN",
      file,
      `expected a pipeline named ${wanted}, got ${names.join(", ") || "none"}`,
      meant && `did you mean ${meant}?`,
    );
  }
  const [only, second] = distinct;
  if (only === undefined) {
    throw problem(
      "CLI_PIPELINE_MISSING",
      file,
      "expected an exported pipeline, got none",
      "export the value that pipeline(…) gives",
    );
  }
  if (second === undefined) return only;
  throw problem(
    "CLI_PIPELINE_AMBIGUOUS",
    file,
    `expected one exported pipeline, got ${names.join(", ")}`,
    "name one with --pipeline",
  );
}

function problem(code: string, file: string, message: string, hint: string | undefined): SealflowError {
  return new SealflowError({
    code,
    message: `${file}: ${message}`,
    where: { file },
    ...(hint === undefined ? {} : { hint }),
  });
}

async function readLocks(files: readonly ComponentFile[]): Promise<Record<string, string>> {
  const locks: Record<string, string> = {};
  for (const { path, requirements } of files) {
    if (requirements.lock === undefined) continue;
    const { sha256, path: lock } = requirements.lock;
    const digest = sha256.startsWith("sha256:") ? sha256 : `sha256:${sha256}`;
    locks[digest] = await readUserFile(resolve(dirname(path), lock), lock);
  }
  return locks;
}
