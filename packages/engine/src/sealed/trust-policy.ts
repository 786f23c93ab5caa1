/** The trust policy of a project's own runs: it allows what its owner runs here, and nothing else. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { canonicalJson, toHex } from "@sealflow/core";
import { type Envelope, encodeEnvelope, parseEnvelope, type Signer } from "@sealflow/seal";
import { writeFileAtomically } from "@sealflow/seal/node";
import { type Flow, openTrustPolicy, signTrustPolicy, type TrustPolicy } from "@sealflow/trust";

/** Name of the one submitter. */
export const submitterName = "project";

/** Attempts that a task may have, those included that were killed. */
const maximumAttempts = 20;

/** Flows that are kept: the newest. A run that was interrupted longer ago can't be resumed. */
const keptFlows = 50;

/** A signed policy with what it says. */
export interface PolicyInForce {
  readonly envelope: Envelope;
  readonly policy: TrustPolicy;
}

/** A flow without what the project itself adds; measurements by the names that the flow's components give. */
export interface WantedFlow {
  readonly flow: Flow;
  /** MRENCLAVE in hex, by the name in `measuredAs`. */
  readonly measurements: Readonly<Record<string, string>>;
}

/** The policy on disk, signed by the project's own signer. */
export class PolicyFile {
  readonly #path: string;
  readonly #signer: Signer;
  readonly #simulatedRoots: readonly string[];
  readonly #submitter: Signer;

  constructor(
    path: string,
    by: {
      readonly signer: Signer;
      readonly submitter: Signer;
      readonly simulatedRoots: readonly string[];
    },
  ) {
    this.#path = path;
    this.#signer = by.signer;
    this.#submitter = by.submitter;
    this.#simulatedRoots = by.simulatedRoots;
  }

  /** The policy in force; the first one allows nothing. @throws SealflowError `SEAL_ENVELOPE_…`, `TRUST_DOCUMENT_MALFORMED` */
  async current(): Promise<PolicyInForce> {
    if (!existsSync(this.#path)) return this.#put({ epoch: 1, flows: [], components: {} });
    const envelope = parseEnvelope(readFileSync(this.#path));
    return { envelope, policy: await openTrustPolicy(envelope, { signer: toHex(this.#signer.publicKey) }) };
  }

  /** The policy with a flow: the one in force when it has it, else a new one with the next epoch. */
  async allowing({ flow, measurements }: WantedFlow): Promise<PolicyInForce> {
    const present = await this.current();
    const { policy } = present;
    if (policy.flows.some((each) => canonicalJson(each) === canonicalJson(flow))) return present;
    const flows = [...policy.flows, flow].slice(-keptFlows);
    const used = new Set(
      flows.flatMap(({ components }) => Object.values(components).map((each) => each.measuredAs)),
    );
    const all = {
      ...Object.fromEntries(Object.entries(policy.appraisal.components).filter(([name]) => used.has(name))),
      ...Object.fromEntries(
        Object.entries(measurements).map(([name, mrenclave]) => [name, [{ mrenclave, minimumSvn: 0 }]]),
      ),
    };
    return this.#put({ epoch: policy.epoch + 1, flows, components: all });
  }

  async #put(what: {
    readonly epoch: number;
    readonly flows: readonly Flow[];
    readonly components: TrustPolicy["appraisal"]["components"];
  }): Promise<PolicyInForce> {
    const { epoch, flows, components } = what;
    const policy: TrustPolicy = {
      version: "sealflow.trust-policy/v1",
      epoch,
      submitters: { [submitterName]: toHex(this.#submitter.publicKey) },
      flows: [...flows],
      maximumAttempts,
      appraisal: {
        version: "sealflow.appraisal/v1",
        name: "local",
        epoch,
        components,
        tcb: { statuses: ["UpToDate"], advisories: [], minimumEvaluation: 0 },
        platforms: "any",
        simulatedRoots: [...this.#simulatedRoots],
      },
    };
    const envelope = await signTrustPolicy(policy, this.#signer);
    mkdirSync(dirname(this.#path), { recursive: true });
    await writeFileAtomically(this.#path, [encodeEnvelope(envelope)], { replace: true, mode: 0o600 });
    return { envelope, policy };
  }
}
