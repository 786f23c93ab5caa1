/** What the confidential overlay of a spec is made with. */
import type { ImageLock } from "../image/lock.js";

/** A taint that pods must tolerate. */
export interface PoolTaint {
  readonly key: string;
  /** Absent: any value. */
  readonly value?: string;
  readonly effect: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
}

/** Nodes that have enclaves. */
export interface SgxPool {
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly PoolTaint[];
  /** Resource that stands for EPC, in bytes. */
  readonly epcResource: string;
  /** Annotations that bring the quoting service to the pod. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** The pool of the reference architecture: AKS with the confidential-computing add-on. */
export const AKS_SGX_POOL: SgxPool = {
  labels: { intelvm: "sgx" },
  taints: [{ key: "confidential", value: "true", effect: "NoSchedule" }],
  epcResource: "sgx.intel.com/epc",
  annotations: { "sgx.intel.com/quote-provider": "aesmd" },
};

/** How pods reach the data owner's broker. All of it is untrusted: what counts is what evidence and grants bind. */
export interface BrokerAddress {
  /** `https://HOST[:PORT]` */
  readonly url: string;
  /** SHA-256 of the broker's certificate key (SPKI), hex: pins the connection. */
  readonly pin?: string;
}

/** A service that vouches for simulated enclaves: for trials, it protects nothing. */
export interface QuotingService {
  /** `https://HOST[:PORT]`, or `unix:PATH` of the pod. */
  readonly url: string;
  /** What the service knows the image by. */
  readonly token: string;
  /** SHA-256 of the service's certificate key (SPKI), hex. */
  readonly pin?: string;
}

/**
 * A volume claim on which pods keep sealed outputs before they commit them. Without it, what a pod committed is lost when it
 * dies before Kubeflow has uploaded its outputs, and the run can't go on.
 */
export interface DepotClaim {
  /** Name of a claim in the runs' namespace that pods on several nodes may write to (ReadWriteMany). */
  readonly claim: string;
}

/** How a spec is made confidential. */
export interface OverlayOptions {
  readonly images: readonly ImageLock[];
  readonly broker: BrokerAddress;
  /** The run id that the broker issued; absent for a spec that is submitted with an id later. */
  readonly runId?: string;
  /** Default: {@link AKS_SGX_POOL}. */
  readonly pool?: SgxPool;
  /** Lets images with simulated enclaves in; without it they are refused. */
  readonly quotes?: QuotingService;
  readonly depot?: DepotClaim;
  /** Executors that may stay as they are, in the clear. Each is a hole that somebody decided on. */
  readonly unprotected?: readonly string[];
}

/** Label of pods that run protected tasks: network policies select by it. */
export const CONFIDENTIAL_LABEL = { "sealflow.dev/confidential": "true" } as const;

/** Where pods see the volume claim of a {@link DepotClaim}. */
export const DEPOT_DIRECTORY = "/sealflow/depot";

/** Variable in which the pod finds its place in the workflow. */
export const NODE_NAME_VARIABLE = "SEALFLOW_WORKFLOW_NODE";
