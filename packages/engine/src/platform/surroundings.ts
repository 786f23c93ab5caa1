/** What the Kubernetes platform document puts around a task: variables and mounted directories. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";
import type { DueTask } from "@sealflow/pipeline";
import type { RunInProgress } from "../run/run-context.js";
import { writing } from "../store/disk-errors.js";
import { claimDirectory } from "./claims.js";
import { fieldText } from "./field-path.js";
import { missingKey, missingObject, type ObjectData, type ObjectKind, readObject } from "./objects.js";

/** A directory that a task sees at a path. */
export interface Mount {
  readonly path: string;
  readonly source: string;
  readonly readOnly: boolean;
}

/** A task's surroundings. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string>>;
  /** Names of the variables that hold secrets. */
  readonly secretNames: ReadonlySet<string>;
  /** Makes the directories for one attempt, those of its own in the given place. */
  readonly mounts: (directory: string) => Mount[];
  /** False for tasks that share volumes: what they leave there, no cache brings back. */
  readonly cacheable: boolean;
  /** What of it counts for the cache: not secrets, as with the official backend. */
  readonly identity: Readonly<Record<string, string>>;
}

type Plan = (directory: string, index: number) => Mount;

/**
 * The surroundings of a task.
 *
 * @throws SealflowError `ENGINE_OBJECT_…`, `ENGINE_FIELD_PATH_UNKNOWN`, `ENGINE_VOLUME_NAME`
 */
export function surroundingsOf(run: RunInProgress, task: DueTask): Surroundings {
  const platform = task.platform ?? {};
  const env: Record<string, string> = {};
  const identity: Record<string, string> = {};
  const secretNames = new Set<string>();
  for (const { name, value } of objectVariables(run, platform, "secret")) {
    env[name] = value;
    secretNames.add(name);
  }
  const fields = list(platform.fieldPathAsEnv).map(({ name, fieldPath }) => ({
    name: String(name),
    value: fieldText(run, task, String(fieldPath)),
  }));
  for (const { name, value } of objectVariables(run, platform, "config map"))
    env[name] = identity[name] = value;
  for (const { name, value } of fields) env[name] = value;
  const claims = list(platform.pvcMount).filter(({ pvcName }) => typeof pvcName === "string");
  const plans = [
    ...objectMounts(run, platform, "secret"),
    ...objectMounts(run, platform, "config map", identity),
    ...[...list(platform.emptyDirMounts), ...list(platform.genericEphemeralVolume)].map(emptyMount),
    ...claims.map((claim) => claimMount(run, claim)),
  ];
  return {
    ...{ env, secretNames, identity, cacheable: claims.length === 0 },
    mounts: (directory) => plans.map((plan, index) => plan(directory, index)),
  };
}

function list(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

/**
 * An object by the name in one of its uses; undefined where it is optional and not there, or where the parameter that
 * would name it has no value, as with the official backend.
 */
function objectOf(run: RunInProgress, kind: ObjectKind, use: JsonObject): [string, ObjectData] | undefined {
  const name = kind === "secret" ? use.secretName : use.configMapName;
  if (typeof name !== "string" || name === "") return undefined;
  const data = readObject(kind, name, run.settings.objects);
  if (data !== undefined) return [name, data];
  if (use.optional === true) return undefined;
  throw missingObject(kind, name);
}

function objectVariables(
  run: RunInProgress,
  platform: JsonObject,
  kind: ObjectKind,
): { name: string; value: string }[] {
  const uses = list(kind === "secret" ? platform.secretAsEnv : platform.configMapAsEnv);
  return uses.flatMap((use) => {
    const object = objectOf(run, kind, use);
    if (object === undefined) return [];
    const [name, data] = object;
    return list(use.keyToEnv).flatMap(({ envVar, secretKey, configMapKey }) => {
      const key = String(secretKey ?? configMapKey);
      const value = data.get(key);
      if (value === undefined && use.optional === true) return [];
      if (value === undefined) throw missingKey(kind, name, key);
      return [{ name: String(envVar), value: value.toString("utf8") }];
    });
  });
}

function objectMounts(
  run: RunInProgress,
  platform: JsonObject,
  kind: ObjectKind,
  identity?: Record<string, string>,
): Plan[] {
  const uses = list(kind === "secret" ? platform.secretAsVolume : platform.configMapAsVolume);
  return uses.flatMap((use) => {
    const object = objectOf(run, kind, use);
    if (object === undefined) return [];
    const path = mountPath(use);
    if (identity !== undefined) identity[path] = digestOf(object[1]);
    return [(directory, index) => ({ path, source: written(directory, index, object[1]), readOnly: true })];
  });
}

function digestOf(data: ObjectData): string {
  const hash = createHash("sha256");
  for (const [key, value] of data) hash.update(`${key}\0${value.length}\0`).update(value);
  return hash.digest("hex");
}

/** Writes an object's files into the attempt's directory, which only the user may read and which goes with it. */
function written(directory: string, index: number, data: ObjectData): string {
  const place = ownDirectory(directory, index);
  writing(place, () => {
    for (const [key, value] of data) writeFileSync(join(place, key), value, { mode: 0o600 });
  });
  return place;
}

function emptyMount(use: JsonObject): Plan {
  const path = mountPath(use);
  return (directory, index) => ({ path, source: ownDirectory(directory, index), readOnly: false });
}

function ownDirectory(directory: string, index: number): string {
  const place = join(directory, "volumes", String(index));
  writing(place, () => mkdirSync(place, { recursive: true, mode: 0o700 }));
  return place;
}

function claimMount(run: RunInProgress, use: JsonObject): Plan {
  const path = mountPath(use);
  const source = claimDirectory(run, String(use.pvcName ?? ""), String(use.subPath ?? ""));
  return () => ({ path, source, readOnly: false });
}

/** An absolute path: Kubernetes takes a relative one from the root. */
function mountPath({ mountPath: path }: JsonObject): string {
  return `/${String(path ?? "").replace(/^\/+/, "")}`;
}
