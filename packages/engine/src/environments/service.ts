/** Environments as a run uses them: found or built with the first need, told about once. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Digest, SealflowError } from "@sealflow/core";
import { textDigest } from "../cache/key.js";
import type { RunEventBody } from "../events.js";
import { ensureEnvironment, environmentAt, isWhole, type PythonEnvironment } from "./builder.js";
import { type EnvironmentNeeds, environmentDigest, requirementsOf } from "./environment.js";
import { findInterpreter, type PythonInterpreter } from "./interpreter.js";

/** What holds for all runs of an engine. */
export interface EnvironmentSettings {
  readonly directory: string;
  readonly python?: string;
  readonly uv?: string | false;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Knows the interpreter and names environments; shared by all runs of an engine. */
export class EnvironmentCatalog {
  readonly settings: EnvironmentSettings;
  private found: Promise<PythonInterpreter> | undefined;
  private readonly digests = new Map<string, Promise<Digest>>();

  constructor(settings: EnvironmentSettings) {
    this.settings = settings;
  }

  /** @throws SealflowError `ENGINE_PYTHON_MISSING` */
  interpreter(): Promise<PythonInterpreter> {
    const { python, environment, directory } = this.settings;
    const search = { environment, cacheDirectory: directory, ...(python === undefined ? {} : { python }) };
    this.found ??= findInterpreter(search);
    return this.found;
  }

  digest(needs: EnvironmentNeeds): Promise<Digest> {
    const key = JSON.stringify(needs);
    const known = this.digests.get(key);
    if (known !== undefined) return known;
    const digest = this.interpreter().then((interpreter) => environmentDigest(needs, interpreter));
    this.digests.set(key, digest);
    return digest;
  }

  /** The `uv` to build with; undefined for pip. */
  uv(): string | undefined {
    const { uv, environment } = this.settings;
    if (uv === false) return undefined;
    if (uv !== undefined) return uv;
    if (environment.SEALFLOW_UV) return environment.SEALFLOW_UV;
    const directories = (environment.PATH ?? "").split(delimiter).filter((directory) => directory !== "");
    return directories.map((directory) => join(directory, "uv")).find((path) => existsSync(path));
  }
}

/** What one run gives. */
export interface RunEnvironmentOptions {
  readonly locks: Readonly<Record<string, string>>;
  readonly tell: (event: RunEventBody) => void;
  readonly notice: (code: string, message: string) => void;
  readonly signal: AbortSignal;
}

/** One run's environments. */
export class RunEnvironments {
  private readonly catalog: EnvironmentCatalog;
  private readonly options: RunEnvironmentOptions;
  private readonly ready = new Map<string, Promise<PythonEnvironment>>();

  constructor(catalog: EnvironmentCatalog, options: RunEnvironmentOptions) {
    this.catalog = catalog;
    this.options = options;
  }

  /** The environment's name, without building it. */
  digest(needs: EnvironmentNeeds): Promise<Digest> {
    return this.catalog.digest(this.available(needs));
  }

  /**
   * The environment, built when it is not there.
   *
   * @throws SealflowError `ENGINE_ENVIRONMENT_FAILED`, `ENGINE_LOCK_MISSING`,
   *   `ENGINE_LOCK_MISMATCH`, `ENGINE_PYTHON_MISSING`
   */
  async ensure(wanted: EnvironmentNeeds): Promise<PythonEnvironment> {
    const needs = this.available(wanted);
    const digest = await this.catalog.digest(needs);
    const known = this.ready.get(digest);
    if (known !== undefined) return known;
    const environment = this.make(digest, needs);
    this.ready.set(digest, environment);
    return environment;
  }

  /**
   * The needs as this run can serve them. A spec names its lock by digest and does not carry it: where the lock is not at
   * hand, as for a spec that was compiled elsewhere, the requirements that every other engine installs are installed.
   */
  private available(needs: EnvironmentNeeds): EnvironmentNeeds {
    if (needs.lock === undefined || needs.lock in this.options.locks) return needs;
    if (needs.installations.length === 0) return needs;
    const { lock, ...rest } = needs;
    this.options.notice(
      "ENGINE_LOCK_UNUSED",
      `The requirements file with ${lock} is not at hand: requirements are installed without its hashes.`,
    );
    return rest;
  }

  private async make(digest: Digest, needs: EnvironmentNeeds): Promise<PythonEnvironment> {
    const { settings } = this.catalog;
    const started = performance.now();
    const place = environmentAt({ digest, environmentsDirectory: settings.directory });
    const present = isWhole(place);
    let built = false;
    const environment = present ? place : await this.build(digest, needs, () => (built = true));
    const elapsedMs = Math.round(performance.now() - started);
    this.options.tell({ type: "environment-ready", environment: digest, reused: !built, elapsedMs });
    return environment;
  }

  private async build(
    digest: Digest,
    needs: EnvironmentNeeds,
    onBuild: () => void,
  ): Promise<PythonEnvironment> {
    const lockText = this.lockText(needs);
    const uv = this.catalog.uv();
    return ensureEnvironment({
      digest,
      needs,
      interpreter: await this.catalog.interpreter(),
      environmentsDirectory: this.catalog.settings.directory,
      signal: this.options.signal,
      ...(lockText === undefined ? {} : { lockText }),
      ...(uv === undefined ? {} : { uv }),
      onBuild: () => {
        onBuild();
        const requirements = requirementsOf(needs);
        this.options.tell({ type: "environment-building", environment: digest, requirements });
      },
    });
  }

  private lockText(needs: EnvironmentNeeds): string | undefined {
    if (needs.lock === undefined) return undefined;
    const text = this.options.locks[needs.lock];
    if (text !== undefined && textDigest(text) === needs.lock) return text;
    if (text !== undefined) {
      throw new SealflowError({
        code: "ENGINE_LOCK_MISMATCH",
        message: `Python environment: expected a requirements file with ${needs.lock}, got ${textDigest(text)}`,
        hint: "The lock file changed after the pipeline was compiled: compile it again.",
      });
    }
    throw new SealflowError({
      code: "ENGINE_LOCK_MISSING",
      message: `Python environment: expected the requirements file with ${needs.lock}, got none`,
      hint: "Run the pipeline from its TypeScript source, beside which the lock file stands.",
    });
  }
}
