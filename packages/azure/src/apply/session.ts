/** What writing to Azure needs. */
import type { ArmClient } from "../arm/client.js";
import type { AttestationData } from "../attestation/data-plane.js";
import type { ApplyEventBody } from "./events.js";
import type { Journal } from "./journal.js";

/** Empties nodes before they go. The cluster room, which speaks Kubernetes, provides it. */
export interface Drainer {
  /**
   * Cordons the pool's nodes and moves their pods away.
   *
   * @param pool Name of the AKS node pool (node label `kubernetes.azure.com/agentpool`).
   * @param kubeconfig Credentials of the cluster, in YAML.
   */
  drain(pool: string, kubeconfig: string, signal?: AbortSignal): Promise<void>;
}

/** Everything that steps use. */
export interface WriteSession {
  readonly client: ArmClient;
  readonly attestation: AttestationData | undefined;
  readonly journal: Journal;
  readonly tell: (event: ApplyEventBody) => void;
  readonly signal?: AbortSignal | undefined;
  /** Without one, emptying nodes is left to what AKS does when it deletes a pool. */
  readonly drainer?: Drainer | undefined;
}
