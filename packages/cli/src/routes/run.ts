import { buildCommand } from "@stricli/core";
import type { CliContext } from "../context.js";
import {
  argument,
  choiceFlag,
  integerFrom,
  jsonFlag,
  onFlag,
  optionalArgument,
  switchFlag,
  textFlag,
  textsFlag,
} from "./flags.js";
import { type KeyFlagValues, keyFlags } from "./keys.js";
import { lazy } from "./lazy.js";
import { type SealedElsewhereFlags, sealedElsewhereFlags } from "./sealed-elsewhere.js";

/** Flags of every command that executes tasks. */
export interface ExecutionFlags extends KeyFlagValues {
  readonly concurrency?: number;
  readonly allowHostCommands: boolean;
  readonly events?: string;
  readonly json: boolean;
  readonly on?: string;
  readonly artifacts?: string;
  readonly namespace?: string;
  readonly serviceAccount?: string;
  readonly onInterrupt?: "detach" | "cancel";
  readonly logs: boolean;
}

/** Flags of `run`. */
export interface RunFlags extends ExecutionFlags, SealedElsewhereFlags {
  readonly param?: readonly string[];
  readonly params?: string;
  readonly pipeline?: string;
  readonly name?: string;
  readonly noCache: boolean;
  readonly failFast: boolean;
  readonly secret?: readonly string[];
  readonly configMap?: readonly string[];
  readonly volume?: readonly string[];
  readonly finalStatus?: "backend" | "documented";
  readonly collected?: "nested" | "flat";
  readonly sealed?: boolean;
  readonly input?: readonly string[];
  readonly unprotected?: readonly string[];
  readonly release?: readonly string[];
  readonly declassify?: readonly string[];
  readonly experiment?: string;
  readonly pipelineRoot?: string;
}

const execution = {
  ...keyFlags,
  concurrency: {
    kind: "parsed",
    parse: integerFrom(1),
    optional: true,
    placeholder: "n",
    brief: "Tasks that run at once (default: the number of processors)",
  },
  allowHostCommands: switchFlag(
    "Run container components as plain processes on this machine, without isolation",
  ),
  events: textFlag("file", "Append the run's events to this file as JSON lines"),
  json: jsonFlag,
  on: onFlag,
  artifacts: textFlag(
    "uri",
    "With --on k8s:CONTEXT: where artifacts are kept, as s3://, gs:// or azure:// (SEALFLOW_ARTIFACTS)",
  ),
  namespace: textFlag("name", "With --on k8s:CONTEXT: namespace of the Jobs (default: the context's)"),
  serviceAccount: textFlag("name", "Kubernetes service account of the run's pods (with --on)"),
  onInterrupt: choiceFlag(
    ["detach", "cancel"],
    "What the first Ctrl-C does with --on: leave the run going (default for engines), or cancel it (default for Jobs)",
  ),
  logs: switchFlag("Print what tasks write while they run"),
} as const;

export const runCommand = buildCommand<RunFlags, [string?], CliContext>({
  loader: lazy(async () => (await import("../commands/head-start.js")).runPipeline),
  parameters: {
    flags: {
      ...execution,
      param: textsFlag("name=value", "Set a parameter; may be given several times"),
      params: textFlag("file", "Read parameters from a JSON or YAML file; --param wins over it"),
      pipeline: textFlag("name", "Which pipeline of the file, when it exports several"),
      name: textFlag("text", "Display name of the run"),
      noCache: switchFlag("Run every task; read and write no cache"),
      failFast: switchFlag("Start no further task after the first failure"),
      sealed: {
        kind: "boolean",
        optional: true,
        brief:
          "Run sealed: data, models and logs are ciphertext, and tasks get their keys by evidence: of simulated enclaves here, of the image's enclaves with --on",
      },
      release: textsFlag(
        "task/output",
        "With --sealed: let this output's value, or its metadata, leave in the clear",
      ),
      declassify: textsFlag(
        "task/output",
        "With --sealed: let whoever orders the tasks see this output, where a condition or loop needs it",
      ),
      ...sealedElsewhereFlags,
      input: textsFlag(
        "name=file",
        "Sealed elsewhere: sealed artifact for an input of the pipeline, or for the importer at a path",
      ),
      unprotected: textsFlag("executor", "Sealed elsewhere: executor that may run in the clear"),
      secret: textsFlag(
        "name=path",
        "Stand in for a Kubernetes secret: a directory, or a file of KEY=value lines",
      ),
      configMap: textsFlag("name=path", "Stand in for a config map in the same way"),
      volume: textsFlag("name=dir", "Stand in for an existing persistent volume claim"),
      finalStatus: choiceFlag(
        ["backend", "documented"],
        "Words of PipelineTaskFinalStatus: COMPLETE of the official backend (default) or the documented SUCCEEDED",
      ),
      collected: choiceFlag(
        ["nested", "flat"],
        "What Collected makes of nested loops: lists of lists (default), or one list as the official backend",
      ),
      experiment: textFlag("name", "Experiment of the run, made when there is none (with --on)"),
      pipelineRoot: textFlag("uri", "Where the other engine keeps artifacts (with --on)"),
    },
    aliases: { p: "param" },
    positional: {
      kind: "tuple",
      parameters: [
        optionalArgument("file", "Pipeline as .ts or .yaml (default: pipeline in sealflow.config.json)"),
      ],
    },
  },
  docs: {
    brief: "Run a pipeline, on this machine or another engine",
    fullDescription:
      "Run a pipeline, on this machine or with --on elsewhere. Exit code 0 when it succeeded, 1 when it failed, 2 when something is wrong with the command line, the parameters or the pipeline, 130 when it was canceled with Ctrl-C.",
  },
});

const recorded = argument("run", "Id of the run, its first or last characters, or latest");

export const resumeCommand = buildCommand<ExecutionFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/run.js")).resumeRun),
  parameters: { flags: execution, positional: { kind: "tuple", parameters: [recorded] } },
  docs: { brief: "Continue a run whose process was interrupted; finished tasks are not run again" },
});

export const retryCommand = buildCommand<ExecutionFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/run.js")).retryRun),
  parameters: { flags: execution, positional: { kind: "tuple", parameters: [recorded] } },
  docs: { brief: "Run the failed and canceled tasks of a run again, and what depends on them" },
});
