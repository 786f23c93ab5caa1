/** `sealflow compile`. */
import { formatPipelineYaml } from "@sealflow/pipeline";
import type { CliContext } from "../context.js";
import { loadPipeline } from "../load/pipeline-file.js";
import { writeUserFile } from "../load/write-file.js";
import type { CompileFlags } from "../routes/compile.js";

/** Compiles a TypeScript pipeline; a spec is read, checked and written anew. */
export async function compile(context: CliContext, flags: CompileFlags, file: string): Promise<void> {
  const { document } = await loadPipeline(context, file, flags);
  const yaml = formatPipelineYaml(document);
  if (flags.output === "-") context.process.stdout.write(yaml);
  else writeUserFile(context, flags.output, yaml);
}
