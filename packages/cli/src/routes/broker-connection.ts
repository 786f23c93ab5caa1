/** Flags that say which broker is meant, and how its certificate is known. */
import { textFlag } from "./flags.js";

/** Their values. */
export interface BrokerConnectionFlags {
  readonly broker?: string | undefined;
  readonly brokerCa?: string | undefined;
  readonly brokerPin?: string | undefined;
}

/** How the broker's certificate is known. */
export const brokerTrustFlags = {
  brokerCa: textFlag(
    "file",
    "Authorities in PEM that the broker's certificate must come from (SEALFLOW_BROKER_CA; default: the system's)",
  ),
  brokerPin: textFlag(
    "pin",
    "sha256:HEX of the key of the broker's certificate (SPKI), in place of authorities (SEALFLOW_BROKER_PIN)",
  ),
};

/** All of them. */
export const brokerConnectionFlags = {
  broker: textFlag(
    "url",
    "Address of the broker, for example https://broker.bank.example:8443 (SEALFLOW_BROKER)",
  ),
  ...brokerTrustFlags,
};
