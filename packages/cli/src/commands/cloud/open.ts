/** From flags to a deployment: finds the configuration, reads it, opens the provider. */
import { existsSync } from "node:fs";
import { dirname, extname, join, resolve } from "node:path";
import {
  type CloudConfig,
  type CloudProvider,
  openAzure,
  parseConfig,
  parseYamlConfig,
  type SealflowConfig,
} from "@sealflow/azure";
import { type Logger, SealflowError } from "@sealflow/core";
import type { CliContext } from "../../context.js";
import { exitCode } from "../../exit-code.js";
import { importModule } from "../../load/import-module.js";
import { readUserFile } from "../../load/read-file.js";
import { findProject, storeDirectory } from "../../project/project.js";
import { visible } from "../../render/text.js";
import { createDrainer } from "./drainer.js";

/** Names that a configuration goes by. */
export const configNames = [
  "sealflow.config.ts",
  "sealflow.config.mts",
  "sealflow.config.js",
  "sealflow.config.mjs",
  "sealflow.config.yaml",
  "sealflow.config.yml",
] as const;

/** What finds and opens a deployment. */
export interface OpenFlags {
  readonly config?: string;
  readonly store?: string;
  readonly attach?: readonly string[];
  readonly verbose?: boolean;
  /** False leaves emptying nodes to AKS. Default: true. */
  readonly drain?: boolean;
}

/** An open deployment. */
export interface Deployment {
  readonly provider: CloudProvider;
  readonly config: CloudConfig;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  close(): void;
}

/** Reads the configuration and opens the provider that it names. */
export async function openDeployment(context: CliContext, flags: OpenFlags): Promise<Deployment> {
  const file = findConfig(context, flags.config);
  const { cloud } = await readConfig(context, file, flags.config ?? file);
  const config = attached(cloud, flags.attach ?? []);
  const { signal, close } = interruptSignal(context);
  const { env, stderr } = context.process;
  const project = await findProject(context.cwd);
  const provider = await openAzure({
    config,
    baseDirectory: dirname(file),
    stateDirectory: join(storeDirectory(context, project, flags.store), "cloud"),
    env,
    signal,
    logger: loggerOf(context, flags.verbose === true),
    tell: (message) => stderr.write(`${visible(message)}\n`),
    ...(env.HOME ? { home: env.HOME } : {}),
    ...(flags.drain === false ? {} : { drainer: createDrainer(env) }),
    ...pollInterval(env.SEALFLOW_AZURE_POLL_MS),
  });
  return { provider, config, signal, close };
}

/** @throws SealflowError `CLI_CLOUD_CONFIG_MISSING` */
function findConfig({ cwd }: CliContext, named: string | undefined): string {
  if (named !== undefined) return resolve(cwd, named);
  for (let directory = cwd; ; directory = dirname(directory)) {
    const found = configNames.map((name) => join(directory, name)).find((file) => existsSync(file));
    if (found !== undefined) return found;
    if (dirname(directory) === directory) break;
  }
  throw new SealflowError({
    code: "CLI_CLOUD_CONFIG_MISSING",
    message: `expected ${configNames[0]} or ${configNames[4]} here or above, got none`,
    hint: "sealflow cloud init writes one; --config names another file",
  });
}

async function readConfig(context: CliContext, file: string, shown: string): Promise<SealflowConfig> {
  if (/\.ya?ml$/.test(file)) return parseYamlConfig(await readUserFile(file, shown), shown);
  if (extname(file) === ".json") return parseConfig(JSON.parse(await readUserFile(file, shown)), shown);
  await readUserFile(file, shown);
  const exports = await importModule(file, { cwd: context.cwd, conditions: context.conditions });
  if (exports.default !== undefined) return parseConfig(exports.default, shown);
  throw new SealflowError({
    code: "CLI_CLOUD_CONFIG_MISSING",
    message: `${shown}: expected a default export, got none`,
    where: { file: shown },
    hint: "export default defineConfig({ cloud: { … } })",
  });
}

/** @throws SealflowError `CLI_ATTACH_UNKNOWN` */
function attached(config: CloudConfig, names: readonly string[]): CloudConfig {
  const all = names.flatMap((name) => name.split(","));
  const unknown = all.find((name) => name !== "group" && name !== "registry");
  if (unknown !== undefined) {
    throw new SealflowError({
      code: "CLI_ATTACH_UNKNOWN",
      message: `--attach: expected group or registry, got ${unknown}`,
      hint: "other resources are made by the deployment",
    });
  }
  const { resourceGroup, registry } = config;
  return {
    ...config,
    resourceGroup: { ...resourceGroup, attach: resourceGroup.attach || all.includes("group") },
    registry: { ...registry, attach: registry.attach || all.includes("registry") },
  };
}

/** The first Ctrl-C ends the waiting, in an orderly way; the second the process. */
function interruptSignal(context: CliContext): { signal: AbortSignal; close: () => void } {
  const controller = new AbortController();
  const close = context.onInterrupt(() => {
    if (controller.signal.aborted) context.exit(exitCode.interrupted);
    context.process.stderr.write("interrupted: what Azure has begun goes on; the same command picks it up\n");
    controller.abort();
  });
  return { signal: controller.signal, close };
}

function loggerOf({ process: { stderr, env } }: CliContext, verbose: boolean): Logger {
  const all = verbose || Boolean(env.SEALFLOW_DEBUG);
  return {
    log(level, message) {
      if (all || level === "warn" || level === "error") stderr.write(`${level}: ${visible(message)}\n`);
    },
  };
}

function pollInterval(text: string | undefined): { pollMs?: number } {
  return text !== undefined && /^\d+$/.test(text) ? { pollMs: Number(text) } : {};
}
