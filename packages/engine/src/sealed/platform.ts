/** Enclaves as sealed runs see them: something outside the task that measures it and vouches for what it says. */
import type { JsonObject } from "@sealflow/core";
import type { BrokerOptions, Evidence } from "@sealflow/trust";

/** Makes evidence of enclaves. Held outside the tasks: a task asks it, and can't choose its own measurement. */
export interface EnclavePlatform {
  /** The roots that its evidence ends at. */
  readonly roots: BrokerOptions["roots"];
  /** How policies name those of them that are simulated: fingerprints, hex. */
  readonly simulatedRoots: readonly string[];
  /** Evidence of an enclave. @param enclave `measurement`: 32 bytes of MRENCLAVE; `reportData`: 64 bytes. */
  evidence(enclave: { readonly measurement: Uint8Array; readonly reportData: Uint8Array }): Promise<Evidence>;
}

/** Makes platforms of one kind. */
export interface PlatformMaker {
  /** A new platform in its saved form. */
  create(): Promise<JsonObject>;
  /** @throws Error for anything that `create` did not give. */
  restore(saved: JsonObject): Promise<EnclavePlatform>;
}
