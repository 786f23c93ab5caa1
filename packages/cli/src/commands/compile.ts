/** `sealflow compile`. */
import { SealflowError } from "@sealflow/core";
import type { PipelineDocument } from "@sealflow/pipeline";
import type { CliContext } from "../context.js";
import { loadPipeline } from "../load/pipeline-file.js";
import { writeUserFile } from "../load/write-file.js";
import type { CompileFlags } from "../routes/compile.js";

/** Compiles a TypeScript pipeline; a spec is read, checked and written anew. */
export async function compile(context: CliContext, flags: CompileFlags, file: string): Promise<void> {
  const { document } = await loadPipeline(context, file, flags);
  const yaml = await formatted(document, flags);
  if (flags.output === "-") context.process.stdout.write(yaml);
  else writeUserFile(context, flags.output, yaml);
}

/** The room is loaded late, when Python is on its way already. */
async function formatted(
  document: PipelineDocument,
  { manifest, versionName, namespace }: CompileFlags,
): Promise<string> {
  const { formatPipelineManifests, formatPipelineYaml } = await import("@sealflow/pipeline");
  if (manifest) {
    return formatPipelineManifests(document, {
      ...(versionName === undefined ? {} : { versionName }),
      ...(namespace === undefined ? {} : { namespace }),
    });
  }
  if (versionName === undefined && namespace === undefined) return formatPipelineYaml(document);
  throw new SealflowError({
    code: "CLI_USAGE",
    message: "--version-name and --namespace: expected --manifest beside them, got none",
    hint: "They name Kubernetes objects, which only --manifest writes.",
  });
}
