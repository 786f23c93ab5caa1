/** What a Python environment consists of, and the digest that names it. */
import { homedir } from "node:os";
import { join } from "node:path";
import { type Digest, digestOfJson } from "@sealflow/core";
import type { PythonInterpreter } from "./interpreter.js";

/** One `pip install`. */
export interface Installation {
  /** Requirements as pip reads them, in order. */
  readonly requirements: readonly string[];
  /** True when the requirements' own requirements are left out. */
  readonly noDependencies: boolean;
}

/** What components need; equal needs share one environment. */
export interface EnvironmentNeeds {
  readonly installations: readonly Installation[];
  /** The first replaces the default package index, the others come in addition. */
  readonly indexUrls: readonly string[];
  readonly trustedHosts: readonly string[];
  /** Digest of a hash-locked requirements file; it takes the place of the installations. */
  readonly lock?: Digest;
}

/** The needs of a component that needs nothing. */
export const bareNeeds: EnvironmentNeeds = { installations: [], indexUrls: [], trustedHosts: [] };

/** Version of how environments are built; a change builds all of them anew. */
const BUILD_FORMAT = 1;

/**
 * The environment's name: a digest of the needs and of what compiled packages depend on. Requirements that pin no
 * version count by their text: what the index answered at the time of the build is kept.
 */
export function environmentDigest(needs: EnvironmentNeeds, interpreter: PythonInterpreter): Promise<Digest> {
  const { indexUrls, trustedHosts, lock } = needs;
  const what = lock === undefined ? { installations: needs.installations } : { lock };
  const from = { version: interpreter.version, tag: interpreter.tag };
  return digestOfJson({ format: BUILD_FORMAT, from, indexUrls, trustedHosts, ...what });
}

/** Requirements for people: all installations in one list. */
export function requirementsOf(needs: EnvironmentNeeds): string[] {
  return needs.installations.flatMap(({ requirements }) => requirements);
}

/** Where environments are kept unless the caller says otherwise. */
export function defaultEnvironmentsDirectory(
  environment: Readonly<Record<string, string | undefined>>,
): string {
  if (environment.SEALFLOW_ENV_DIR) return environment.SEALFLOW_ENV_DIR;
  const cache = environment.XDG_CACHE_HOME || join(homedir(), ".cache");
  return join(cache, "sealflow", "envs");
}
