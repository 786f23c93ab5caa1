/** What the broker tells of itself and of its runs. Nothing secret is in it. */
import type { BrokerDescription, RunStatus } from "../protocol/messages.js";
import type { BrokerCore } from "./core.js";

/** Who the broker is, and what it works under. */
export async function describe(core: BrokerCore): Promise<BrokerDescription> {
  const { envelope, digest, policy } = core.policy();
  const { brokerKey, recipient } = core.keys;
  return {
    ...{ domain: core.options.domain, brokerKey, recipient },
    policy: { envelope, digest, epoch: policy.epoch },
    checkpoint: await core.checkpoint(),
  };
}

/** @throws SealflowError `TRUST_RUN_UNKNOWN` */
export async function status(core: BrokerCore, runId: string): Promise<RunStatus> {
  const run = await core.state.run(runId);
  return {
    runId,
    registration: run.registrationDigest,
    state: run.evaluation.outcome?.state ?? "RUNNING",
    tasks: run.statuses(),
    checkpoint: await core.checkpoint(),
  };
}
