/** The project around the working directory: its configuration and where its runs are kept. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { isJsonObject, type JsonObject, SealflowError, throwFindings } from "@sealflow/core";
import type { CliContext } from "../context.js";
import { nearest } from "../nearest.js";

/** Name of the configuration file. */
export const configFile = "sealflow.config.json";

/** What a project may set once instead of with flags. Paths are relative to the file. */
export interface ProjectConfig {
  /** The pipeline that commands use when none is named. */
  readonly pipeline?: string;
  /** Where runs and artifacts are kept. Default: `.sealflow`. */
  readonly store?: string;
  /** Tasks that run at once. Default: the number of processors. */
  readonly concurrency?: number;
  /** Outputs of sealed runs that may leave in the clear: `task/output`. Default: none. */
  readonly release?: readonly string[];
  /** Outputs of sealed runs that order the tasks, and are seen by whoever does: `task/output`. Default: none. */
  readonly declassify?: readonly string[];
}

/** A directory that belongs together, with its settings. */
export interface Project {
  readonly directory: string;
  readonly config: ProjectConfig;
}

/** What marks the directory of a project, nearest one first. */
const marks = [configFile, ".sealflow", "package.json"];

/**
 * The nearest directory at or above the working directory that holds a configuration file, a store or a package; else
 * the working directory itself.
 *
 * @throws SealflowError `CLI_CONFIG_INVALID`
 */
export async function findProject(cwd: string): Promise<Project> {
  for (let directory = cwd; ; directory = dirname(directory)) {
    if (marks.some((mark) => existsSync(join(directory, mark)))) {
      return { directory, config: await readConfig(join(directory, configFile)) };
    }
    if (dirname(directory) === directory) return { directory: cwd, config: {} };
  }
}

/**
 * The nearest configuration at or above a directory, whatever else marks a project below it; none where no directory has one.
 *
 * @throws SealflowError `CLI_CONFIG_INVALID`
 */
export async function configurationAbove(start: string): Promise<Project | undefined> {
  for (let directory = start; ; directory = dirname(directory)) {
    const path = join(directory, configFile);
    if (existsSync(path)) return { directory, config: await readConfig(path) };
    if (dirname(directory) === directory) return undefined;
  }
}

/** The pipeline's file that a command names, else that of the project. */
export function namedPipeline(project: Project, file: string | undefined): string | undefined {
  const own = project.config.pipeline;
  return file ?? (own === undefined ? undefined : `${project.directory}/${own}`);
}

/** The directory of runs and artifacts: the flag, else SEALFLOW_STORE, else the configuration, else `.sealflow`. */
export function storeDirectory(context: CliContext, project: Project, flag: string | undefined): string {
  const named = flag ?? (context.process.env.SEALFLOW_STORE || undefined);
  if (named !== undefined) return resolve(context.cwd, named);
  return resolve(project.directory, project.config.store ?? ".sealflow");
}

async function readConfig(path: string): Promise<ProjectConfig> {
  if (!existsSync(path)) return {};
  const config = parse(await readFile(path, "utf8"), path);
  const findings = Object.entries(config).flatMap(([key, value]) => checkEntry(key, value, path));
  throwFindings(findings, { code: "CLI_CONFIG_INVALID", message: `${configFile}: expected known settings` });
  return config;
}

function parse(text: string, file: string): JsonObject {
  let cause: unknown;
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
  } catch (error) {
    cause = error;
  }
  throw new SealflowError({
    code: "CLI_CONFIG_INVALID",
    message: `${configFile}: expected a JSON object${cause instanceof Error ? `, got ${cause.message}` : ""}`,
    where: { file },
    cause,
  });
}

const settings: Readonly<Record<string, readonly [expected: string, fits: (value: unknown) => boolean]>> = {
  $schema: ["text", (value) => typeof value === "string"],
  pipeline: ["a path", (value) => typeof value === "string" && value !== ""],
  store: ["a path", (value) => typeof value === "string" && value !== ""],
  concurrency: ["a whole number of at least 1", (value) => Number.isSafeInteger(value) && Number(value) >= 1],
  release: ["a list of task/output", isTexts],
  declassify: ["a list of task/output", isTexts],
};

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === "string" && each !== "");
}

function checkEntry(key: string, value: unknown, file: string): SealflowError[] {
  const [expected, fits] = settings[key] ?? [];
  if (fits?.(value)) return [];
  const meant = expected === undefined ? nearest(key, Object.keys(settings)) : undefined;
  return [
    new SealflowError({
      code: "CLI_CONFIG_INVALID",
      message:
        expected === undefined
          ? `${key}: unknown setting`
          : `${key}: expected ${expected}, got ${JSON.stringify(value)}`,
      where: { file, path: key },
      ...(meant === undefined ? {} : { hint: `did you mean ${meant}?` }),
    }),
  ];
}
