/**
 * A head start for workers: what the last run of a pipeline imported is imported again while the pipeline is still being
 * compiled. It is a guess, which costs an idle processor's time when it is wrong; after a run that came from the cache
 * whole it is not made.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Digest, isDigest, isJsonObject } from "@sealflow/core";
import { environmentAt, isWhole } from "../environments/builder.js";
import { defaultEnvironmentsDirectory } from "../environments/environment.js";
import { pythonSources } from "../environments/sources.js";
import { WorkerPool } from "./pool.js";

/** Workers that are ahead of their run. An engine that is made with it takes them over. */
export interface HeadStart {
  readonly pool: WorkerPool;
  /** Keeps what the workers of this run imported, for the next one. */
  remember(): void;
}

/** An environment and what was imported in it. */
export interface UsedEnvironment {
  readonly environment: Digest;
  readonly modules: readonly string[];
}

/** Pipelines that are remembered; the longest unused one makes way. */
const KEPT = 50;

/**
 * Starts the workers that the last run of this name used.
 *
 * @param name Whatever tells one pipeline of this machine from another, such as its file.
 */
export function startAhead(
  name: string,
  environment: Readonly<Record<string, string | undefined>>,
): HeadStart {
  const directory = resolve(defaultEnvironmentsDirectory(environment));
  const pool = new WorkerPool(() => pythonSources(environment), environment);
  for (const { environment: digest, modules } of read(directory).get(name) ?? []) {
    const place = environmentAt({ digest, environmentsDirectory: directory });
    if (isWhole(place)) pool.import(place, modules);
  }
  return { pool, remember: () => write(directory, name, pool.used()) };
}

function fileIn(directory: string): string {
  return join(directory, "imports.json");
}

type Memory = Map<string, readonly UsedEnvironment[]>;

function read(directory: string): Memory {
  try {
    const stored: unknown = JSON.parse(readFileSync(fileIn(directory), "utf8"));
    if (!isJsonObject(stored)) return new Map();
    return new Map(Object.entries(stored).map(([name, used]) => [name, usedFrom(used)]));
  } catch {
    return new Map();
  }
}

function usedFrom(stored: unknown): readonly UsedEnvironment[] {
  if (!Array.isArray(stored)) return [];
  return stored.flatMap((each) => {
    if (
      !isJsonObject(each) ||
      typeof each.environment !== "string" ||
      !isDigest(each.environment) ||
      !Array.isArray(each.modules)
    )
      return [];
    const modules = each.modules.filter((module) => typeof module === "string");
    return [{ environment: each.environment, modules }];
  });
}

function write(directory: string, name: string, used: readonly UsedEnvironment[]): void {
  const memory = read(directory);
  if (JSON.stringify(memory.get(name) ?? []) === JSON.stringify(used)) return;
  memory.delete(name);
  memory.set(name, used);
  const newest = [...memory].slice(-KEPT);
  const temporary = `${fileIn(directory)}.${process.pid}`;
  try {
    mkdirSync(dirname(temporary), { recursive: true });
    writeFileSync(temporary, JSON.stringify(Object.fromEntries(newest)));
    renameSync(temporary, fileIn(directory));
  } catch {
    // Only speed is lost: the next run starts its workers when it needs them.
  }
}
