/** A project that runs sealed: its key, its anchors, its enclaves, its broker in this process. */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { canonicalJson, type Random, SealflowError, toHex } from "@sealflow/core";
import type { Identity, Recipient, Signer } from "@sealflow/seal";
import { type Broker, startBroker } from "@sealflow/trust";
import type { StoreLayout } from "../store/layout.js";
import { type HeldLock, takeLock } from "../store/locks.js";
import { ensureStore } from "../store/store.js";
import { checkpointFile, RecordFile } from "./broker-files.js";
import { type SealedLayout, sealedLayout } from "./layout.js";
import { sweepMemory } from "./leftovers.js";
import type { EnclavePlatform, PlatformMaker } from "./platform.js";
import { openProjectRoot } from "./secrets.js";
import { TaskService } from "./service.js";
import { PolicyFile, type WantedFlow } from "./trust-policy.js";

/** What a sealed project is opened with. */
export interface SealedProjectOptions {
  readonly store: StoreLayout;
  /** Of the project's key, the one in use first: outputs and logs are sealed to it. */
  readonly identities: readonly Identity[];
  readonly platforms: PlatformMaker;
  readonly random: Random;
  readonly now: () => number;
}

/** What bundles of this project are verified by, from outside. */
export interface ProjectAnchors {
  /** Names the deployment. */
  readonly domain: string;
  /** Raw Ed25519 keys, hex. */
  readonly brokerKey: string;
  readonly policySigner: string;
  /** Roots of its simulated enclaves. */
  readonly roots: EnclavePlatform["roots"];
}

/** Name of the lock that the process with the broker holds. */
const brokerLock = "broker";

/** Longest lifetime of a registration: a run that was interrupted may be resumed for so long. */
export const registrationLifetimeMs = 30 * 86_400_000;

/** An open project. One process at a time has it. */
export class SealedProject {
  readonly broker: Broker;
  readonly anchors: ProjectAnchors;
  readonly service: TaskService;
  readonly submitter: Signer;
  readonly layout: SealedLayout;
  readonly store: StoreLayout;
  readonly identities: readonly Identity[];
  readonly random: Random;
  /** What names of inputs are keyed with. Secret. */
  readonly secretForNames: Uint8Array<ArrayBuffer>;
  readonly #policies: PolicyFile;
  readonly #records: RecordFile;
  readonly #lock: HeldLock;
  #registering: Promise<unknown> = Promise.resolve();

  private constructor(parts: {
    readonly options: SealedProjectOptions;
    readonly broker: Broker;
    readonly service: TaskService;
    readonly submitter: Signer;
    readonly anchors: ProjectAnchors;
    readonly policies: PolicyFile;
    readonly records: RecordFile;
    readonly lock: HeldLock;
    readonly secretForNames: Uint8Array<ArrayBuffer>;
  }) {
    this.secretForNames = parts.secretForNames;
    this.broker = parts.broker;
    this.service = parts.service;
    this.submitter = parts.submitter;
    this.anchors = parts.anchors;
    this.store = parts.options.store;
    this.identities = parts.options.identities;
    this.random = parts.options.random;
    this.layout = sealedLayout(this.store);
    this.#policies = parts.policies;
    this.#records = parts.records;
    this.#lock = parts.lock;
  }

  /**
   * Opens the project; the first time, makes its anchors.
   *
   * @throws SealflowError `ENGINE_SEALED_BUSY`, `ENGINE_SEALED_ROOT`, `ENGINE_SEALED_LOG_DAMAGED`, `SEAL_…`, `TRUST_…`
   */
  static async open(options: SealedProjectOptions): Promise<SealedProject> {
    const { store } = options;
    ensureStore(store);
    const attempt = await takeLock(store.locks, brokerLock);
    if (attempt.held === undefined) throw busy(attempt.holder.pid);
    sweepMemory();
    try {
      return await SealedProject.#started(options, attempt.held);
    } catch (error) {
      attempt.held.release();
      throw error;
    }
  }

  static async #started(options: SealedProjectOptions, lock: HeldLock): Promise<SealedProject> {
    const { store, identities, platforms, random } = options;
    const layout = sealedLayout(store);
    mkdirSync(dirname(layout.root), { recursive: true, mode: 0o700 });
    const root = await openProjectRoot(layout.root, {
      identities,
      random,
      newPlatform: () => platforms.create(),
    });
    const platform: EnclavePlatform = await platforms.restore(root.platform);
    const { policySigner, submitter } = root;
    const { simulatedRoots } = platform;
    const policies = new PolicyFile(layout.policy, { signer: policySigner, submitter, simulatedRoots });
    const records = new RecordFile(layout.records);
    const broker = await startBroker({
      secret: root.broker,
      domain: root.domain,
      policy: (await policies.current()).envelope,
      policySigner: toHex(policySigner.publicKey),
      roots: platform.roots,
      store: records,
      keeper: checkpointFile(layout.checkpoint, { sync: false }),
      clock: { now: options.now },
      random,
    });
    const service = await TaskService.start(store.temporary, { broker, platform });
    const anchors = {
      domain: root.domain,
      brokerKey: broker.brokerKey,
      policySigner: toHex(policySigner.publicKey),
      roots: platform.roots,
    };
    const secretForNames = root.broker;
    return new SealedProject({
      ...{ options, broker, service, submitter, anchors, policies, records, lock, secretForNames },
    });
  }

  /** Who can open outputs and logs: the key in use. */
  get recipients(): readonly Recipient[] {
    return this.identities.slice(0, 1).map(({ recipient }) => recipient);
  }

  /** Puts a policy in force that has the flow; one at a time. */
  async allow(wanted: WantedFlow): Promise<void> {
    const work = this.#registering.then(async () => {
      await this.broker.putPolicy((await this.#policies.allowing(wanted)).envelope);
    });
    this.#registering = work.catch(() => undefined);
    return work;
  }

  /** Whether the policy in force lets a pipeline run on these components. */
  async allows({ spec, components }: Pick<WantedFlow["flow"], "spec" | "components">): Promise<{
    readonly allowed: boolean;
    readonly epoch: number;
  }> {
    const { policy } = await this.#policies.current();
    const wanted = canonicalJson(components);
    const allowed = policy.flows.some(
      (flow) => flow.spec === spec && canonicalJson(flow.components) === wanted,
    );
    return { allowed, epoch: policy.epoch };
  }

  async close(): Promise<void> {
    await this.service.close();
    await this.#records.close();
    this.#lock.release();
  }
}

function busy(pid: number): SealflowError {
  return new SealflowError({
    code: "ENGINE_SEALED_BUSY",
    message: `sealed run: expected the project's broker to be free, got process ${pid} that works with it`,
    hint: "one process at a time runs sealed in a store: wait for the other one, or use another --store",
  });
}
