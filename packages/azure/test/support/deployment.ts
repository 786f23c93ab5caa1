/** A provider against the stand-in, in a directory of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "@sealflow/core";
import {
  type ApplyEvent,
  type AzureOptions,
  type CloudConfigInput,
  type CloudProvider,
  openAzure,
  parseConfig,
} from "../../src/index.js";
import { type StandIn, standInCa } from "./stand-in.js";

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

/** One that signs in without a directory, and waits in a thousandth of the time. */
const fastTiming = {
  now: () => Date.now(),
  sleep: (milliseconds: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const timer = setTimeout(resolve, Math.max(1, milliseconds / 1000));
      signal?.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
    }),
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
export function testDeployment(standIn: StandIn): TestDeployment {
  const directory = mkdtempSync(join(tmpdir(), "sealflow-azure-"));
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
      ca: standInCa,
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
