/** Persistent volume claims as directories: made and removed by tasks, mounted into tasks. */
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { join, normalize } from "node:path";
import { isJsonObject, SealflowError } from "@sealflow/core";
import { type DueTask, type TaskOutputs, taskIdOf } from "@sealflow/pipeline";
import type { RunInProgress } from "../run/run-context.js";
import { discard } from "../store/artifacts.js";
import { writing } from "../store/disk-errors.js";

/**
 * Where a claim's content is: of this run when the run made it, else where the user says, else a directory of the store
 * that stands for a claim that a cluster would have.
 *
 * @throws SealflowError `ENGINE_VOLUME_NAME`, `ENGINE_STORE_…`
 */
export function claimDirectory(run: RunInProgress, name: string, subPath = ""): string {
  const base = claimBase(run, name);
  const inner = normalize(`/${subPath}`);
  const directory = join(base, inner);
  writing(directory, () => mkdirSync(directory, { recursive: true }));
  return directory;
}

function claimBase(run: RunInProgress, name: string): string {
  requireName(name);
  const own = join(run.layout.volumes, name);
  if (existsSync(own)) return own;
  const { volumes } = run.settings.objects;
  const named = Object.hasOwn(volumes, name) ? volumes[name] : undefined;
  if (named !== undefined) return named;
  run.notice(
    "ENGINE_VOLUME_ASSUMED",
    `Volume claim ${name} is not made by this run: a directory of the store stands for it (name another with --volume ${name}=DIR).`,
  );
  return join(run.services.store.volumes, name);
}

function requireName(name: string): void {
  // A name is part of a path: nothing but what Kubernetes allows.
  if (/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(name)) return;
  throw new SealflowError({
    code: "ENGINE_VOLUME_NAME",
    message: `volume claim: expected a name of at most 253 lower-case letters, digits, '-' and '.', got ${JSON.stringify(name)}`,
  });
}

/**
 * Makes the claim that a task asks for; its name is the task's output.
 *
 * @throws SealflowError `ENGINE_VOLUME_NAME`, `ENGINE_VOLUME_SOURCE`, `ENGINE_STORE_…`
 */
export function createClaim(run: RunInProgress, task: DueTask): TaskOutputs {
  const { pvc_name: given, pvc_name_suffix: suffix, data_source: source } = task.inputs.parameters;
  const name = given ? String(given) : `${taskIdOf(run.context.runId, task.path)}-${suffix ?? "volume"}`;
  requireName(name);
  const directory = join(run.layout.volumes, name);
  const origin = isJsonObject(source) ? sourceOf(run, source) : undefined;
  writing(directory, () => {
    mkdirSync(directory, { recursive: true });
    if (origin !== undefined) cpSync(origin, directory, { recursive: true, verbatimSymlinks: true });
  });
  return { parameters: { name }, artifacts: {} };
}

function sourceOf(run: RunInProgress, source: Readonly<Record<string, unknown>>): string {
  if (source.kind === "PersistentVolumeClaim") return claimDirectory(run, String(source.name ?? ""));
  throw new SealflowError({
    code: "ENGINE_VOLUME_SOURCE",
    message: `volume claim: expected another claim as its source, got ${String(source.kind)} ${String(source.name)}`,
    hint: "There are no volume snapshots on this machine.",
  });
}

/** Removes a claim and its content. A directory that the user named is left alone, which is said. */
export function deleteClaim(run: RunInProgress, task: DueTask): TaskOutputs {
  const name = String(task.inputs.parameters.pvc_name ?? "");
  requireName(name);
  if (Object.hasOwn(run.settings.objects.volumes, name)) {
    run.notice("ENGINE_VOLUME_KEPT", `Volume claim ${name}: its directory was named for it and stays.`);
  } else {
    discard(join(run.layout.volumes, name));
    discard(join(run.services.store.volumes, name));
  }
  return { parameters: {}, artifacts: {} };
}
