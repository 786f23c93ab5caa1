/** A deployment opened: the clients, files and names that every command works with, and a look at what is there. */
import { setMaxListeners } from "node:events";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Logger, SealflowError } from "@sealflow/core";
import type { Drainer } from "./apply/session.js";
import { type ArmClient, createArmClient } from "./arm/client.js";
import { type Credential, createCredential } from "./arm/credential.js";
import { type Endpoints, type Environment, endpointsOf } from "./arm/endpoints.js";
import { systemTiming, type Timing } from "./arm/timing.js";
import { createTransport } from "./arm/transport.js";
import { type CloudConfig, deploymentName } from "./config/schema.js";
import type { Resource } from "./model/resource.js";
import { type LiveState, type ReadSession, readLive } from "./plan/live.js";
import { makePlan } from "./plan/make.js";
import type { Plan } from "./plan/types.js";
import type { DeploymentContext } from "./resources/context.js";
import { desiredResources } from "./resources/desired.js";
import { existingPublicKey, type KeyPlaces } from "./ssh-key.js";
import { findAccount } from "./subscription.js";

/** What a provider is opened with. */
export interface AzureOptions {
  readonly config: CloudConfig;
  /** Relative paths of the configuration start here. */
  readonly baseDirectory: string;
  /** Where the journal, the lock and a generated key lie. */
  readonly stateDirectory: string;
  readonly env: Environment;
  /** Messages of the sign-in that the user has to see. */
  readonly tell: (message: string) => void;
  readonly logger?: Logger;
  readonly signal?: AbortSignal;
  readonly drainer?: Drainer;
  /** Default: as the configuration says. */
  readonly credential?: Credential;
  /** Certificate authorities besides the system's, in PEM. */
  readonly ca?: string;
  readonly timing?: Timing;
  /** Where Azure names no interval; default 2000. */
  readonly pollMs?: number;
  /** Home directory, for the user's SSH key. */
  readonly home?: string;
}

/** Everything a command works with. */
export interface Opened {
  readonly options: AzureOptions;
  readonly endpoints: Endpoints;
  readonly client: ArmClient;
  readonly read: ReadSession;
  readonly places: KeyPlaces;
  readonly journalFile: string;
  readonly lockFile: string;
  context(key: string | undefined): DeploymentContext;
}

/** Reads what the configuration names on this machine; nothing is asked of Azure yet. */
export async function open(options: AzureOptions): Promise<Opened> {
  const { config, env, stateDirectory, signal } = options;
  // Requests in parallel listen to it all; Node warns of more than ten.
  if (signal !== undefined) setMaxListeners(0, signal);
  const endpoints = endpointsOf(config, env);
  const { subscription, tenant } = await findAccount(config, env);
  const attestationPolicy = await policyText(options);
  const credential =
    options.credential ??
    createCredential({ login: config.login, tenant, endpoints, env, tell: options.tell, ...caOf(options) });
  const client = createArmClient({
    endpoints,
    transport: createTransport({ credential, scope: endpoints.scope, ...caOf(options) }),
    timing: options.timing ?? systemTiming,
    ...(options.pollMs === undefined ? {} : { pollMs: options.pollMs }),
    ...(options.logger === undefined ? {} : { logger: options.logger }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const scope = endpoints.attestationScope;
  const attestation =
    scope === undefined ? undefined : { transport: createTransport({ credential, scope, ...caOf(options) }) };
  const name = deploymentName(config);
  const shared = { config, subscription, ...(tenant === undefined ? {} : { tenant }) };
  return {
    options,
    endpoints,
    client,
    read: { client, attestation },
    places: {
      baseDirectory: options.baseDirectory,
      generated: join(stateDirectory, `${name}-ssh`),
      ...(options.home === undefined ? {} : { home: options.home }),
    },
    journalFile: join(stateDirectory, `${name}.journal.jsonl`),
    lockFile: join(stateDirectory, `${name}.lock`),
    context: (key) => ({
      ...shared,
      ...(key === undefined ? {} : { sshPublicKey: key }),
      ...(attestationPolicy === undefined ? {} : { attestationPolicy }),
    }),
  };
}

export function caOf({ ca }: AzureOptions): { ca?: string } {
  return ca === undefined ? {} : { ca };
}

async function policyText({ config, baseDirectory }: AzureOptions): Promise<string | undefined> {
  const file = config.attestation?.policyFile;
  if (file === undefined) return undefined;
  try {
    return await readFile(resolve(baseDirectory, file), "utf8");
  } catch (cause) {
    throw new SealflowError({
      code: "AZURE_POLICY_UNREADABLE",
      message: "attestation.policyFile: expected a readable file",
      where: { file },
      hint: "paths are relative to the configuration",
      cause,
    });
  }
}

/** One look at all resources. */
export interface Look {
  readonly context: DeploymentContext;
  readonly resources: readonly Resource[];
  readonly live: LiveState;
}

/** Looks at all resources that the configuration asks for. */
export async function look(
  opened: Opened,
  key = existingPublicKey(opened.options.config, opened.places),
): Promise<Look> {
  const context = opened.context(key);
  const resources = desiredResources(context);
  return { context, resources, live: await readLive(opened.read, resources) };
}

/** A look, and what it would take to bring the live resources there. */
export async function planNow(opened: Opened, key?: string): Promise<Look & { readonly plan: Plan }> {
  const seen = await look(opened, key);
  return { ...seen, plan: await makePlan(seen.context, seen.resources, seen.live) };
}
