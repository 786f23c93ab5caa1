import { buildCommand } from "@stricli/core";
import type { CliContext } from "../context.js";
import { argument, switchFlag, textFlag } from "./flags.js";
import { lazy } from "./lazy.js";

/** Flags of `compile`. */
export interface CompileFlags {
  readonly output: string;
  readonly pipeline?: string;
  readonly manifest: boolean;
  readonly versionName?: string;
  readonly namespace?: string;
}

export const compileCommand = buildCommand<CompileFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/compile.js")).compile),
  parameters: {
    flags: {
      output: {
        kind: "parsed",
        parse: (input: string) => input,
        placeholder: "file",
        brief: "Where to write the spec; - for standard output",
      },
      pipeline: textFlag("name", "Which pipeline of the file, when it exports several"),
      manifest: switchFlag("Write the Kubernetes objects Pipeline and PipelineVersion, for kubectl apply"),
      versionName: textFlag("name", "With --manifest: name of the PipelineVersion (default: the pipeline's)"),
      namespace: textFlag("name", "With --manifest: namespace of the objects"),
    },
    aliases: { o: "output" },
    positional: { kind: "tuple", parameters: [argument("file", "Pipeline as .ts or .js")] },
  },
  docs: {
    brief: "Compile a pipeline to the spec that Kubeflow Pipelines accepts (IR YAML, schema 2.1.0)",
  },
});
