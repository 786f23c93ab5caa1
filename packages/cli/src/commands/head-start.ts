/** Workers that start while the pipeline is still being compiled. */
import { resolve } from "node:path";
import type { HeadStart } from "@sealflow/engine";
import type { CliContext } from "../context.js";
import type { RunFlags } from "../routes/run.js";

/** Gives the work the workers that the last run of this pipeline used; nothing of them is left when it ends. */
export async function withHeadStart(
  context: CliContext,
  { sealed, pipeline = "" }: RunFlags,
  file: string,
  work: (headStart: HeadStart | undefined) => Promise<number>,
): Promise<number> {
  // Sealed tasks run in enclaves, which start for themselves.
  if (sealed === true) return work(undefined);
  const { startAhead } = await import("@sealflow/engine");
  const headStart = startAhead(`${resolve(context.cwd, file)}#${pipeline}`, context.process.env);
  try {
    const code = await work(headStart);
    headStart.remember();
    return code;
  } finally {
    await headStart.pool.close();
  }
}
