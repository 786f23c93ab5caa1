/** `sealflow run`: workers start before the rest of the command is loaded, and while the pipeline is still being compiled. */
import { resolve } from "node:path";
import type { HeadStart } from "@sealflow/engine/head-start";
import type { CliContext } from "../context.js";
import { findProject, namedPipeline } from "../project/project.js";
import type { RunFlags } from "../routes/run.js";
import { targetOf } from "./target.js";

/** `sealflow run [FILE]`, with the workers that the last run of this pipeline used; nothing of them is left when it ends. */
export async function runPipeline(context: CliContext, flags: RunFlags, file?: string): Promise<number> {
  const headStart = await startAhead(context, flags, file);
  try {
    const run = await import("./run.js");
    const code = await run.runPipeline(context, flags, file, headStart);
    headStart?.remember();
    return code;
  } finally {
    await headStart?.pool.close();
  }
}

async function startAhead(
  context: CliContext,
  { sealed, on, pipeline = "" }: RunFlags,
  file: string | undefined,
): Promise<HeadStart | undefined> {
  // Sealed tasks run in enclaves, which start for themselves.
  if (sealed === true) return undefined;
  try {
    const named = namedPipeline(await findProject(context.cwd), file);
    if (named === undefined || (await targetOf(context, on)).kind !== "local") return undefined;
    const ahead = await import("@sealflow/engine/head-start");
    return ahead.startAhead(`${resolve(context.cwd, named)}#${pipeline}`, context.process.env);
  } catch {
    // What is wrong with the project or the place, the run itself will say.
    return undefined;
  }
}
