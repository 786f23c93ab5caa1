/** Secrets that a context names: read when they are used. */
import { readFileSync } from "node:fs";
import { SealflowError } from "@sealflow/core";

/** Where a secret is. */
export interface SecretSource {
  readonly file?: string | undefined;
  readonly variable?: string | undefined;
}

/**
 * The secret, without the line break that editors leave at the end.
 *
 * @param what For messages, for example `bearer token`.
 * @throws SealflowError `CLUSTER_SECRET_MISSING`
 */
export function readSecret(
  what: string,
  { file, variable }: SecretSource,
  environment: Readonly<Partial<Record<string, string>>>,
): string {
  const value = file === undefined ? environment[variable ?? ""] : fromFile(file);
  if (value !== undefined && value.trim() !== "") return value.trim();
  const place = file === undefined ? `the variable ${variable}` : `the file ${file}`;
  throw new SealflowError({
    code: "CLUSTER_SECRET_MISSING",
    message: `${what}: expected it in ${place}, got nothing`,
    hint: "Put it there, or add the context again with another place.",
  });
}

function fromFile(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
