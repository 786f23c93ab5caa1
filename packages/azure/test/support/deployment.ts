/** A provider against the stand-in, in a directory of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Logger } from "@sealflow/core";
import {
  type ApplyEvent,
  type AzureOptions,
  type CloudConfigInput,
  type CloudProvider,
  openAzure,
  parseConfig,
} from "../../src/index.js";
import { standInCa } from "./certificate.js";
import type { StandIn } from "./stand-in.js";

export const subscription = "00000000-0000-0000-0000-000000000001";
export const sshKey = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7";

/** The environment that leads to a stand-in. */
export function standInEnvironment({ url }: Pick<StandIn, "url">) {
  return {
    SEALFLOW_AZURE_RESOURCE_MANAGER: url,
    SEALFLOW_AZURE_PRICES: `${url}/prices`,
    SEALFLOW_AZURE_ATTESTATION_SCOPE: "https://attest.azure.net/.default",
    AZURE_AUTHORITY_HOST: url,
    AZURE_TENANT_ID: "44444444-4444-4444-8444-444444444444",
    AZURE_CLIENT_ID: "77777777-7777-4777-8777-777777777777",
    AZURE_CLIENT_SECRET: "client-secret-that-must-never-be-shown",
    AZURE_SUBSCRIPTION_ID: subscription,
  };
}

/** Waits in a thousandth of the time. */
const fastTiming = {
  now: () => Date.now(),
  async sleep(milliseconds: number, signal?: AbortSignal) {
    await setTimeout(Math.max(1, milliseconds / 1000), undefined, signal === undefined ? {} : { signal });
  },
};

export interface TestDeployment {
  readonly directory: string;
  readonly events: ApplyEvent[];
  readonly logs: string[];
  open(config?: CloudConfigInput, options?: Partial<AzureOptions>): Promise<CloudProvider>;
  /** Applies without asking. */
  apply(
    config?: CloudConfigInput,
    allow?: readonly string[],
    options?: Partial<AzureOptions>,
  ): ReturnType<CloudProvider["apply"]>;
  remove(): void;
}

/** Makes one. */
export function testDeployment(
  standIn: StandIn,
  directory: string = mkdtempSync(join(tmpdir(), "sealflow-azure-")),
): TestDeployment {
  const events: ApplyEvent[] = [];
  const logs: string[] = [];
  const logger: Logger = { log: (level, message) => logs.push(`${level} ${message}`) };
  const open = (config: CloudConfigInput = {}, options: Partial<AzureOptions> = {}) =>
    openAzure({
      config: parseConfig(
        { cloud: { subscription, ...config, cluster: { ssh: { publicKey: sshKey }, ...config.cluster } } },
        "test",
      ).cloud,
      baseDirectory: directory,
      stateDirectory: join(directory, "state"),
      env: standInEnvironment(standIn),
      tell: (message) => logs.push(message),
      logger,
      ...(standInCa === "" ? {} : { ca: standInCa }),
      timing: fastTiming,
      pollMs: 5000,
      home: directory,
      ...options,
    });
  return {
    directory,
    events,
    logs,
    open,
    async apply(config, allow = [], options = {}) {
      const provider = await open(config, options);
      return provider.apply({ allow, confirm: async () => true, onEvent: (event) => events.push(event) });
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
