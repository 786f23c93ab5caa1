/** `sealflow component run`. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { type JsonObject, SealflowError } from "@sealflow/core";
import type { CliContext } from "../context.js";
import { readSignatures, runPython } from "../load/python.js";
import { readUserFile } from "../load/read-file.js";
import { formatComponentResult } from "../render/component.js";
import { reportError } from "../render/error.js";
import type { ComponentRunFlags } from "../routes/component.js";

/** What the Python side says about a component that was run. */
export interface ComponentResult {
  readonly outputs: JsonObject;
  readonly artifacts: Readonly<Record<string, { readonly path: string; readonly metadata: JsonObject }>>;
}

interface ComponentFailure {
  readonly kind: string;
  readonly message: string;
  readonly type: string;
  readonly file: string | null;
  readonly line: number | null;
}

/**
 * Runs a component in a process of its own, with the Python that has what its file requires. What it prints goes to
 * standard error as it comes.
 *
 * @returns 0 when it succeeded, 1 when it failed, 2 when it could not be called with these inputs
 */
export async function runComponent(
  context: CliContext,
  flags: ComponentRunFlags,
  component: string,
): Promise<number> {
  const { stdout, stderr, env } = context.process;
  const output = flags.outputDirectory ?? mkdtempSync(join(tmpdir(), "sealflow-component-"));
  const python = flags.python ?? (await pythonFor(context, component));
  const answer = await runPython({
    module: "sealflow.component",
    args: ["run", component, "--output-directory", output, "--json", ...inputArguments(flags)],
    env: python === undefined ? env : { ...env, SEALFLOW_PYTHON: python },
    cwd: context.cwd,
    onStderr: (text) => stderr.write(text),
  });
  const result = parsed(answer.stdout, answer.code);
  if (result.error !== undefined) return reportError(context, failureOf(component, result.error), flags.json);
  if (answer.code !== 0) return answer.code;
  stdout.write(flags.json ? `${JSON.stringify(result)}\n` : formatComponentResult(result));
  return answer.code;
}

function inputArguments({ input = [], artifact = [] }: ComponentRunFlags): string[] {
  return [
    ...input.flatMap((assignment) => ["--input", assignment]),
    ...artifact.flatMap((assignment) => ["--artifact", assignment]),
  ];
}

/** The interpreter of the environment that the component's file asks for; undefined when it asks for nothing. */
async function pythonFor(context: CliContext, component: string): Promise<string | undefined> {
  const file = component.replace(/:[^:]*$/, "");
  const path = resolve(context.cwd, file);
  await readUserFile(path, file);
  const [described] = await readSignatures([path], context.process.env);
  if (described === undefined) return undefined;
  const { dependencies, lock, indexUrls = [], trustedHosts = [] } = described.requirements;
  if (dependencies.length === 0 && lock === undefined) return undefined;
  const text =
    lock === undefined ? undefined : await readUserFile(resolve(dirname(path), lock.path), lock.path);
  const { preparePython } = await import("@sealflow/engine");
  return await preparePython(
    { requirements: dependencies, indexUrls, trustedHosts, ...(text === undefined ? {} : { lock: text }) },
    {
      environment: context.process.env,
      onBuild: (requirements) =>
        context.process.stderr.write(`building a Python environment: ${requirements.join(" ")}\n`),
    },
  );
}

type Parsed = ComponentResult & { readonly error?: ComponentFailure };

/** Our own program's output; where there is none, the process was ended and its exit code says so. */
function parsed(text: string, code: number): Parsed {
  if (text !== "") return JSON.parse(text) as Parsed;
  const ended = code === 0 || code === 130;
  const error = {
    kind: "exception",
    type: "",
    message: `the process ended with ${code}`,
    file: null,
    line: null,
  };
  return { outputs: {}, artifacts: {}, ...(ended ? {} : { error }) };
}

function failureOf(component: string, error: ComponentFailure): SealflowError {
  const { kind, message, type, file, line } = error;
  const place = file === null ? {} : { where: { file, ...(line === null ? {} : { line }) } };
  if (kind === "inputs" || kind === "source") {
    return new SealflowError({ code: "CLI_COMPONENT_INVALID", message, ...(kind === "source" ? place : {}) });
  }
  const text = type === "" ? message : `${type}: ${message}`;
  return new SealflowError({ code: "CLI_COMPONENT_FAILED", message: `${component}: ${text}`, ...place });
}
