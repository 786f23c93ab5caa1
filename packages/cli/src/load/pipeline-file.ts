/** The pipeline behind a file name: compiled from TypeScript, or read from a spec. */
import { extname, resolve } from "node:path";
import { SealflowError } from "@sealflow/core";
import type { PipelineDocument } from "@sealflow/pipeline";
import type { CliContext } from "../context.js";
import { startSignatureReader } from "./python.js";
import { readUserFile } from "./read-file.js";

/** A pipeline that is ready to run. */
export interface LoadedPipeline {
  readonly document: PipelineDocument;
}

/** Which pipeline of a file is meant. */
export interface LoadOptions {
  /** Export name or pipeline name; needed when a file exports several. */
  readonly pipeline?: string | undefined;
}

const programs = new Set([".ts", ".mts", ".cts", ".tsx", ".js", ".mjs"]);
const specs = new Set([".yaml", ".yml", ".json"]);

/**
 * Loads `FILE.ts` or `FILE.yaml`.
 *
 * @throws SealflowError `CLI_FILE_NOT_FOUND`, `CLI_FILE_UNREADABLE`, `CLI_FILE_KIND`; what compiling or reading throws.
 */
export async function loadPipeline(
  context: CliContext,
  file: string,
  options: LoadOptions = {},
): Promise<LoadedPipeline> {
  const path = resolve(context.cwd, file);
  const kind = extname(path).toLowerCase();
  if (!programs.has(kind) && !specs.has(kind)) throw unknownKind(file);
  const text = await readUserFile(path, file);
  if (programs.has(kind)) return await compiled(context, path, options);
  const { parsePipelineDocument } = await import("@sealflow/pipeline");
  return { document: parsePipelineDocument(text, { file }) };
}

/** Python starts first, to be up when the modules are loaded and it is known which files it is to read. */
async function compiled(context: CliContext, path: string, options: LoadOptions): Promise<LoadedPipeline> {
  const signatures = startSignatureReader(context.process.env);
  try {
    const { compileProgram } = await import("./compile-program.js");
    return { document: await compileProgram(context, path, { ...options, signatures }) };
  } finally {
    signatures.stop();
  }
}

function unknownKind(file: string): SealflowError {
  return new SealflowError({
    code: "CLI_FILE_KIND",
    message: `${file}: expected a pipeline as .ts, .js, .yaml or .json`,
    where: { file },
  });
}
