/** An environment for work outside a run, such as a component that is tried alone. */
import { resolve } from "node:path";
import { textDigest } from "../cache/key.js";
import { defaultEnvironmentsDirectory } from "./environment.js";
import { EnvironmentCatalog, RunEnvironments } from "./service.js";

/** What the work needs; equal needs share the environments of runs. */
export interface PythonNeeds {
  /** Requirements as pip reads them. */
  readonly requirements: readonly string[];
  /** Text of a hash-locked requirements file; it takes the place of the requirements. */
  readonly lock?: string;
  readonly indexUrls?: readonly string[];
  readonly trustedHosts?: readonly string[];
}

/** Around the building. */
export interface PythonPreparation {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Called before an environment is built, which takes a while. */
  readonly onBuild?: (requirements: readonly string[]) => void;
  readonly signal?: AbortSignal;
}

/**
 * Path of an interpreter that has what is needed: of an environment that is there, or of a new one.
 *
 * @throws SealflowError `ENGINE_PYTHON_MISSING`, `ENGINE_ENVIRONMENT_FAILED`
 */
export async function preparePython(needs: PythonNeeds, preparation: PythonPreparation): Promise<string> {
  const { requirements, lock, indexUrls = [], trustedHosts = [] } = needs;
  const { environment, onBuild, signal = new AbortController().signal } = preparation;
  const directory = resolve(defaultEnvironmentsDirectory(environment));
  const digest = lock === undefined ? undefined : textDigest(lock);
  const environments = new RunEnvironments(new EnvironmentCatalog({ directory, environment }), {
    locks: digest === undefined || lock === undefined ? {} : { [digest]: lock },
    tell: (event) => event.type === "environment-building" && onBuild?.(event.requirements),
    notice: () => {},
    signal,
  });
  const installations = requirements.length === 0 ? [] : [{ requirements, noDependencies: false }];
  const more = digest === undefined ? {} : { lock: digest };
  const { python } = await environments.ensure({ installations, indexUrls, trustedHosts, ...more });
  return python;
}
