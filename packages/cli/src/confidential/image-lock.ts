/** Image locks from files. */
import { resolve } from "node:path";
import { checkImageLock, type ImageLock } from "@sealflow/cluster";
import { SealflowError } from "@sealflow/core";
import type { CliContext } from "../context.js";
import { readUserFile } from "../load/read-file.js";

/**
 * An image lock from its file.
 *
 * @throws SealflowError `CLI_FILE_…`, `CLUSTER_IMAGE_LOCK`
 */
export async function readImageLock(context: CliContext, file: string): Promise<ImageLock> {
  const text = await readUserFile(resolve(context.cwd, file), file);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const message = `${file}: expected the JSON that sealflow image build wrote`;
    throw new SealflowError({ code: "CLUSTER_IMAGE_LOCK", message, where: { file }, cause });
  }
  return checkImageLock(value, file);
}
