import { isJsonObject, type JsonValue } from "@sealflow/core";
import type { Findings } from "../ir/finding.js";
import type { DocumentPath } from "../ir/path.js";
import { member } from "../ir/record.js";
import type { ContainerExecutor, PipelineSpec } from "../ir/types.js";
import type { LintTarget } from "./target.js";

/** Says which executors, and which placeholders in them, the target can't do. */
export function lintExecutors(spec: PipelineSpec, target: LintTarget, findings: Findings): void {
  for (const [label, executor] of Object.entries(spec.deploymentSpec.executors ?? {})) {
    const path = ["deploymentSpec", "executors", label];
    for (const kind of ["resolver", "customJob"] as const) {
      if (executor[kind] !== undefined) {
        findings.error(
          "PIPELINE_LINT_EXECUTOR",
          [...path, kind],
          `expected a container or importer, got a ${kind}`,
          "Only Google's service runs these.",
        );
      }
    }
    if (target !== "local" && JSON.stringify(executor.importer?.metadata ?? {}).includes("{{$.")) {
      findings.error(
        "PIPELINE_LINT_PLACEHOLDER",
        [...path, "importer", "metadata"],
        "expected values, got placeholders, which the backend's importer keeps as text",
        "Write such metadata in a component.",
      );
    }
    if (executor.container !== undefined) {
      lintContainer(executor.container, { spec, label, target, findings, path: [...path, "container"] });
    }
  }
}

interface ContainerAt {
  readonly spec: PipelineSpec;
  readonly label: string;
  readonly target: LintTarget;
  readonly findings: Findings;
  readonly path: DocumentPath;
}

function lintContainer(container: ContainerExecutor, at: ContainerAt): void {
  const { target, findings, path } = at;
  for (const field of ["command", "args"] as const) {
    for (const [index, text] of (container[field] ?? []).entries()) {
      const place = [...path, field, index];
      if (target !== "local") lintStructure(text, { ...at, path: place });
      lintPlaceholders(text, { ...at, path: place });
    }
  }
  if (target !== "local") return;
  const words = [...(container.command ?? []), ...(container.args ?? [])];
  if (!words.some((word) => PYTHON.test(word)) && !CLAIMS.includes(container.image)) {
    findings.warning(
      "PIPELINE_LINT_CONTAINER",
      path,
      "expected a Python component, got a container of another kind",
      "It needs podman or docker here, or your leave to run its command on the host.",
    );
  }
  for (const [field, reason] of PLACEMENT) {
    if (!container.resources?.[field]) continue;
    findings.warning("PIPELINE_LINT_IGNORED", [...path, "resources", field], `ignored there: ${reason}`);
  }
}

/** The modules that run Python components, of this and of earlier SDKs. */
const PYTHON = /\bkfp\.(dsl|components|v2\.components)\.executor_main\b/;

/** Images that stand for making and removing volume claims: these become directories. */
const CLAIMS: readonly string[] = ["argostub/createpvc", "argostub/deletepvc"];

/** Resources that mean nothing on one machine, in the form that the backend reads. */
const PLACEMENT = [
  ["accelerator", "accelerators are not scheduled on one machine"],
  ["resourceCpuRequest", "a request chooses among machines"],
  ["resourceMemoryRequest", "a request chooses among machines"],
] as const;

/** `{"Concat": …}` and `{"IfPresent": …}` on the official backend. */
function lintStructure(text: string, at: ContainerAt): void {
  if (!/^\s*\{\s*"(IfPresent|Concat)"/.test(text)) return;
  const refuse = (message: string, hint?: string): void =>
    at.findings.error("PIPELINE_LINT_PLACEHOLDER", at.path, message, hint);
  if (/^\s*\{\s*"Concat"/.test(text)) {
    refuse(
      "expected a placeholder that the backend resolves, got Concat, which reaches the program as JSON",
      "Join the text in the program, or with an f-string.",
    );
    return;
  }
  if (at.target === "kfp-2.16") {
    refuse("expected a placeholder that 2.16 resolves, got IfPresent, which came with 2.17");
    return;
  }
  const choice = ifPresent(text);
  if (choice === undefined) return;
  const branches = [choice.Then, choice.Else].flatMap((branch) =>
    Array.isArray(branch) ? branch : [branch],
  );
  if (branches.some((branch) => isJsonObject(branch))) {
    refuse("expected an IfPresent of plain texts, got a nested one, which the backend refuses");
  }
  if (inputArtifacts(at).has(String(choice.InputName))) {
    refuse(
      `expected the name of a parameter in IfPresent, got the artifact ${String(choice.InputName)}, which is never present there`,
    );
  }
}

function ifPresent(text: string): Record<string, JsonValue> | undefined {
  try {
    const parsed = JSON.parse(text) as JsonValue;
    const choice = isJsonObject(parsed) ? parsed.IfPresent : undefined;
    return isJsonObject(choice) ? { ...choice } : undefined;
  } catch {
    return undefined;
  }
}

/** Names of the artifacts that the components of an executor take. */
function inputArtifacts({ spec, label }: ContainerAt): Set<string> {
  const names = new Set<string>();
  for (const key of Object.keys(spec.components ?? {})) {
    const component = member(spec.components, key);
    if (component?.executorLabel !== label) continue;
    for (const name of Object.keys(component.inputDefinitions?.artifacts ?? {})) names.add(name);
  }
  return names;
}

const ROOT = "the pipeline root";

/** Placeholders that stay as they are on the official backend: pattern and, where it is known, since when they don't. */
const UNRESOLVED: readonly {
  readonly pattern: RegExp;
  readonly name: string;
  readonly since?: "kfp-2.17";
}[] = [
  { pattern: /\{\{\$\.(inputs|outputs)\.artifacts\['[^']*'\]\.metadata/, name: "artifact metadata" },
  { pattern: /\{\{\$\.(inputs|outputs)\.artifacts\['[^']*'\]\}\}/, name: "a list of artifacts" },
  { pattern: /\{\{\$\.(outputs\.output_file|outputMetadataUri)\}\}/, name: "the executor output's file" },
  { pattern: /\{\{\$\.pipeline_root\}\}/, name: ROOT },
  {
    pattern: /\{\{\$\.pipeline_job_(create|schedule)_time_utc\}\}/,
    name: "the run's create or schedule time",
    since: "kfp-2.17",
  },
];

function lintPlaceholders(text: string, at: ContainerAt): void {
  if (text.includes("{{$.json_escape")) {
    at.findings.error(
      "PIPELINE_LINT_PLACEHOLDER",
      at.path,
      "expected a placeholder that is resolved there, got json_escape",
      "Only Google's service resolves it.",
    );
  }
  if (at.target === "local") return;
  for (const { pattern, name, since } of UNRESOLVED) {
    if (!pattern.test(text) || since === at.target) continue;
    at.findings.error(
      "PIPELINE_LINT_PLACEHOLDER",
      at.path,
      `expected a placeholder that the backend resolves, got one for ${name}, which stays as text`,
      hintFor(name, since),
    );
  }
}

function hintFor(name: string, since: string | undefined): string {
  if (since !== undefined) return "It is resolved since 2.17.";
  if (name === ROOT) return "Give the root as a parameter of the pipeline.";
  return "Read it from the executor input, {{$}}.";
}
