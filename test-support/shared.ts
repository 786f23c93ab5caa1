import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const directory = fileURLToPath(new URL("../../shared", import.meta.url));

/**
 * Path of a file in the directory of reference material beside the checkout, or undefined where it is not there.
 * Tests that need it skip then, with a note; CI sets SEALFLOW_REQUIRE_SHARED so that there nothing is skipped.
 */
export function shared(...path: readonly string[]): string | undefined {
  const file = join(directory, ...path);
  if (existsSync(file)) return file;
  if (process.env.SEALFLOW_REQUIRE_SHARED) throw new Error(`${file} is required here and missing`);
  console.warn(`SKIPPED: ${path.join("/")} of the shared reference material is missing`);
  return undefined;
}
