/** The file of `--params`. */
import { extname, resolve } from "node:path";
import { isJsonObject, type JsonObject, SealflowError } from "@sealflow/core";
import type { CliContext } from "../context.js";
import { readUserFile } from "../load/read-file.js";

/**
 * Parameters from a JSON or YAML file.
 *
 * @throws SealflowError `CLI_FILE_NOT_FOUND`, `CLI_FILE_UNREADABLE`, `CLI_PARAMETERS_FILE_INVALID`
 */
export async function readParametersFile(
  context: CliContext,
  name: string,
): Promise<{ readonly name: string; readonly values: JsonObject }> {
  const text = await readUserFile(resolve(context.cwd, name), name);
  let cause: unknown;
  try {
    const value: unknown = extname(name) === ".json" ? JSON.parse(text) : (await import("yaml")).parse(text);
    if (isJsonObject(value)) return { name, values: value };
  } catch (error) {
    cause = error;
  }
  throw new SealflowError({
    code: "CLI_PARAMETERS_FILE_INVALID",
    message: `${name}: expected an object of parameters in JSON or YAML${cause instanceof Error ? `, got ${cause.message}` : ""}`,
    where: { file: name },
    cause,
  });
}
