/** `sealflow cloud init`. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { configTemplate } from "@sealflow/azure";
import { SealflowError } from "@sealflow/core";
import type { CliContext } from "../../context.js";
import { writeUserFile } from "../../load/write-file.js";
import type { CloudInitFlags } from "../../routes/cloud.js";
import { configNames } from "./open.js";

/** Writes the configuration into the working directory. */
export async function cloudInit(context: CliContext, flags: CloudInitFlags): Promise<void> {
  const format = flags.format ?? "ts";
  const file = format === "ts" ? "sealflow.config.ts" : "sealflow.config.yaml";
  const there = configNames.find((name) => existsSync(join(context.cwd, name)));
  if (there !== undefined && !flags.force) {
    throw new SealflowError({
      code: "CLI_CLOUD_CONFIG_EXISTS",
      message: `${there}: expected no configuration yet, got one`,
      where: { file: there },
      hint: "edit it, or overwrite it with --force",
    });
  }
  const resourceGroup = flags.resourceGroup ?? "intel-aks-kubeflow";
  const text = configTemplate({
    format,
    location: flags.location ?? "eastus",
    confidential: flags.confidential ?? "sgx",
    resourceGroup,
    registry:
      flags.registry ??
      resourceGroup
        .replace(/[^A-Za-z0-9]/g, "")
        .slice(0, 50)
        .padEnd(5, "0"),
    cluster: flags.cluster ?? "intel-aks",
    subscription: flags.subscription,
  });
  writeUserFile(context, file, text);
  context.process.stdout.write(`${file} written. Next: sealflow cloud preflight, then sealflow cloud plan\n`);
}
