import { buildCommand } from "@stricli/core";
import type { CliContext } from "../context.js";
import { argument, jsonFlag, textFlag, textsFlag } from "./flags.js";
import { lazy } from "./lazy.js";

const text = (input: string) => input;

/** Flags of `confidential`. */
export interface ConfidentialFlags {
  readonly output: string;
  readonly pipeline?: string;
  readonly image?: readonly string[];
  readonly broker: string;
  readonly brokerPin?: string;
  readonly run?: string;
  readonly quotes?: string;
  readonly quotesToken?: string;
  readonly quotesPin?: string;
  readonly depot?: string;
  readonly nodeLabel?: readonly string[];
  readonly taint?: readonly string[];
  readonly annotation?: readonly string[];
  readonly epcResource?: string;
  readonly unprotected?: readonly string[];
  readonly json: boolean;
}

export const confidentialCommand = buildCommand<ConfidentialFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/confidential.js")).confidential),
  parameters: {
    flags: {
      output: {
        kind: "parsed",
        parse: text,
        placeholder: "file",
        brief: "Where to write the spec; - for standard output",
      },
      pipeline: textFlag("name", "Which pipeline of the file, when it exports several"),
      image: textsFlag("file", "Image lock that `sealflow image build` wrote; may be given several times"),
      broker: {
        kind: "parsed",
        parse: text,
        placeholder: "url",
        brief: "The data owner's broker, as pods reach it",
      },
      brokerPin: textFlag("hex", "SHA-256 of the key of the broker's certificate (SPKI)"),
      run: textFlag("id", "Run id that the broker issued"),
      quotes: textFlag(
        "url",
        "Service that vouches for simulated enclaves (sealflow image simulate); for trials",
      ),
      quotesToken: textFlag("token", "What that service knows the image by"),
      quotesPin: textFlag("hex", "SHA-256 of the key of that service's certificate (SPKI)"),
      depot: textFlag(
        "claim",
        "Volume claim on which pods keep sealed outputs before they commit them: a pod that dies then loses nothing",
      ),
      nodeLabel: textsFlag("key=value", "Label of the SGX nodes (default: intelvm=sgx)"),
      taint: textsFlag("key=value:effect", "Taint of the SGX nodes (default: confidential=true:NoSchedule)"),
      annotation: textsFlag(
        "key=value",
        "Annotation of the pods (default: sgx.intel.com/quote-provider=aesmd)",
      ),
      epcResource: textFlag("name", "Resource that stands for EPC (default: sgx.intel.com/epc)"),
      unprotected: textsFlag("executor", "Executor that may stay unprotected, by its name in the report"),
      json: jsonFlag,
    },
    aliases: { o: "output", i: "image" },
    positional: { kind: "tuple", parameters: [argument("file", "Pipeline as .ts, .js, .yaml or .json")] },
  },
  docs: {
    brief:
      "Make a spec confidential: every pod in a measured enclave; exit code 4 when a task can't be protected",
  },
});
