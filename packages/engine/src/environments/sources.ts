/** The Python side that travels with the engine: worker and component runtime. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { SealflowError } from "@sealflow/core";

/**
 * The directory to put on PYTHONPATH: beside the published package's code, or `python/src` of a checkout, whichever is
 * found first going up from this file. `SEALFLOW_PYTHON_SOURCES` names another one.
 *
 * @throws SealflowError `ENGINE_PYTHON_SOURCES_MISSING`
 */
export function pythonSources(environment: Readonly<Record<string, string | undefined>>): string {
  const named = environment.SEALFLOW_PYTHON_SOURCES;
  if (named) return named;
  const start = dirname(fileURLToPath(import.meta.url));
  for (let directory = start; ; directory = dirname(directory)) {
    for (const place of ["python", "python/src", "node_modules/@sealflow/engine/python"]) {
      const candidate = join(directory, place);
      if (existsSync(join(candidate, "sealflow", "worker"))) return candidate;
      if (existsSync(join(candidate, "sealflow", "worker.py"))) return candidate;
    }
    if (dirname(directory) === directory) break;
  }
  throw new SealflowError({
    code: "ENGINE_PYTHON_SOURCES_MISSING",
    message: `Python sources: expected the package sealflow in a directory above ${start}, got none`,
    hint: "Reinstall the package, or name the directory with SEALFLOW_PYTHON_SOURCES.",
  });
}
