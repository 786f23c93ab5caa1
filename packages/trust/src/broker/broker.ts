/** The broker: evaluates registered runs over committed statements, and gives keys to tasks that are proven due. */
import type { Envelope } from "@sealflow/seal";
import { assembleBundle } from "../bundle/assemble.js";
import { envelopeDigest } from "../document.js";
import { openCheckpoint } from "../log/checkpoint.js";
import type { LogEntryOf } from "../log/entry.js";
import { openTrustPolicy } from "../policy.js";
import type { TaskBroker } from "../protocol/task-broker.js";
import { challenge } from "./challenging.js";
import { BrokerCore, type BrokerOptions } from "./core.js";
import { describe, status } from "./describing.js";
import { commit, fail } from "./finishing.js";
import { openRun, register } from "./registering.js";
import { request } from "./requesting.js";
import type { ReleasedOutputs } from "./run-state.js";
import { SealedRecords } from "./sealed-records.js";
import { brokerKeysFrom } from "./secrets.js";
import { BrokerState } from "./state.js";

/** A broker that works in this process. */
export interface Broker extends TaskBroker {
  /** Raw public keys, hex. */
  readonly brokerKey: string;
  readonly recipient: string;
  /**
   * Puts a newer policy in force. Runs of an older one go on only if it authorises them too.
   *
   * @throws SealflowError `TRUST_POLICY_EPOCH`, `SEAL_ENVELOPE_…`
   */
  putPolicy(policy: Envelope): Promise<void>;
  /**
   * What the run's registration releases of a finished task; its bundle shows it, and what is declassified besides. Nothing for
   * a task that is not finished.
   *
   * @throws SealflowError `TRUST_RUN_UNKNOWN`
   */
  released(runId: string, path: string): Promise<ReleasedOutputs>;
}

/**
 * Starts a broker on its store.
 *
 * @throws SealflowError `TRUST_LOG_ROLLED_BACK`, `TRUST_STORE_RECORD`, `TRUST_POLICY_EPOCH`, `SEAL_ENVELOPE_…`
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const keys = await brokerKeysFrom(options.secret, options.random);
  const records = new SealedRecords(options.store, keys);
  const state = await BrokerState.from(records, options);
  const core = new BrokerCore(options, keys, { state, records });
  await checkLog(core);
  await putPolicy(core, options.policy);
  await options.keeper.write(await core.checkpoint());
  return brokerOver(core);
}

/** Holds the log against every checkpoint that is known; goes on without one only when told so. */
async function checkLog(core: BrokerCore): Promise<void> {
  const { keeper, checkpoints = [], recovery } = core.options;
  const kept = await keeper.read();
  const { log, recovered } = core.state.index;
  const lost: LogEntryOf<"recovered">[] = [];
  for (const envelope of [...(kept === undefined ? [] : [kept]), ...checkpoints]) {
    const checkpoint = await openCheckpoint(envelope, core.keys.brokerKey);
    if (recovered.has(checkpoint.root)) continue;
    if (recovery === undefined) await log.requireContinues(checkpoint);
    else if (!(await log.continues(checkpoint))) {
      const { size, root } = checkpoint;
      lost.push({ ...core.entry(), kind: "recovered", reason: recovery.reason, size, root });
    }
  }
  if (lost.length > 0) await core.decide({ kind: "recovered", entries: lost });
}

async function putPolicy(core: BrokerCore, envelope: Envelope): Promise<void> {
  const current = core.state.policy;
  const digest = await envelopeDigest(envelope);
  if (current?.digest === digest) return;
  const minimumEpoch = current === undefined ? 1 : current.policy.epoch + 1;
  const policy = await openTrustPolicy(envelope, { signer: core.options.policySigner, minimumEpoch });
  const entry: LogEntryOf<"policy"> = {
    ...core.entry(),
    policyEpoch: policy.epoch,
    kind: "policy",
    policy: digest,
  };
  await core.decide({ kind: "policy", policy: envelope, digest, entries: [entry] });
}

function brokerOver(core: BrokerCore): Broker {
  const { brokerKey, recipient } = core.keys;
  return {
    brokerKey,
    recipient,
    putPolicy: (envelope) => core.exclusive(() => putPolicy(core, envelope)),
    released: (runId, path) => core.exclusive(async () => (await core.state.run(runId)).released(path)),
    describe: () => core.exclusive(() => describe(core)),
    openRun: () => openRun(core),
    register: (message) => core.exclusive(() => register(core, message)),
    challenge: (message) => core.exclusive(() => challenge(core, message)),
    request: (message) => core.exclusive(() => request(core, message)),
    commit: (message) => core.exclusive(() => commit(core, message)),
    fail: (message) => core.exclusive(() => fail(core, message)),
    status: (runId) => core.exclusive(() => status(core, runId)),
    bundle: (runId) => assembleBundle(core, runId),
  };
}
