/** Flags of confidential runs elsewhere; a context may hold the same. */
import { textFlag, textsFlag } from "./flags.js";

/** What a confidential run elsewhere is made with. */
export interface SealedElsewhereFlags {
  readonly broker?: string;
  readonly brokerHere?: string;
  readonly brokerPin?: string;
  readonly submitter?: string;
  readonly submitterKey?: string;
  readonly trust?: string;
  readonly image?: readonly string[];
  readonly recipient?: readonly string[];
  readonly quotes?: string;
  readonly quotesPin?: string;
  readonly quotesTokenFile?: string;
  readonly depot?: string;
  readonly nodeLabel?: readonly string[];
  readonly taint?: readonly string[];
}

/** The flags, for `run` and `contexts add`. */
export const sealedElsewhereFlags = {
  broker: textFlag("url", "Sealed elsewhere: the data owner's broker, as pods reach it"),
  brokerHere: textFlag(
    "url",
    "Sealed elsewhere: the same broker, where this machine reaches it by another address",
  ),
  brokerPin: textFlag("hex", "Sealed elsewhere: SHA-256 of the key of the broker's certificate (SPKI)"),
  submitter: textFlag("name", "Sealed elsewhere: who asks for the run, as the trust policy names it"),
  submitterKey: textFlag("file", "Sealed elsewhere: its Ed25519 private key, PEM (PKCS #8)"),
  trust: textFlag(
    "file",
    "Sealed elsewhere: trust file that broker and bundle must agree with (default: trust.yaml of the project)",
  ),
  image: textsFlag(
    "file",
    "Sealed elsewhere: image lock of `sealflow image build`; may be given several times",
  ),
  recipient: textsFlag(
    "recipient",
    "Sealed elsewhere: who outputs and logs are sealed to: a recipient, or the name of a key here (default: project)",
  ),
  quotes: textFlag("url", "Sealed elsewhere, for trials: service that vouches for simulated enclaves"),
  quotesPin: textFlag("hex", "SHA-256 of the key of that service's certificate (SPKI)"),
  quotesTokenFile: textFlag("file", "File with the token that `sealflow image simulate` printed"),
  depot: textFlag(
    "claim",
    "Sealed elsewhere: volume claim on which pods keep sealed outputs before they commit them",
  ),
  nodeLabel: textsFlag("key=value", "Sealed elsewhere: label of the SGX nodes (default: intelvm=sgx)"),
  taint: textsFlag(
    "key=value:effect",
    "Sealed elsewhere: taint of the SGX nodes (default: confidential=true:NoSchedule)",
  ),
} as const;
