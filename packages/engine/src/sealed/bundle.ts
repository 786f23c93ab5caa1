/** A sealed run's bundle, kept with its record: it holds no keys and no data, and is read without the project's key. */
import { isSealflowError } from "@sealflow/core";
import { writeFileAtomically } from "@sealflow/seal/node";
import type { SealedProject } from "./project.js";

/** Writes the bundle of a run that is about to end. @returns Why there is none, where that is so */
export async function keepBundle(
  project: SealedProject,
  runId: string,
  file: string,
): Promise<string | undefined> {
  try {
    await writeFileAtomically(file, [await project.broker.bundle(runId)], { replace: true });
    return undefined;
  } catch (error) {
    if (!isSealflowError(error)) throw error;
    return `run: expected its bundle to be written, got ${error.message}; \`sealflow bundle\` makes it later`;
  }
}
