import { buildCommand, buildRouteMap } from "@stricli/core";
import type { CliContext } from "../context.js";
import { type BrokerConnectionFlags, brokerConnectionFlags } from "./broker-connection.js";
import { deployRoutes, expose, image, tunnel } from "./broker-deploy.js";
import { keyFlag, required, serveCommand } from "./broker-serve.js";
import { argument, durationMs, integerFrom, jsonFlag, switchFlag, textFlag, textsFlag } from "./flags.js";
import { type KeyFlagValues, keyFlags } from "./keys.js";
import { lazy } from "./lazy.js";

/** Flags of `broker init`. */
export interface BrokerInitFlags extends KeyFlagValues {
  readonly key?: string;
  readonly domain: string;
  readonly policySigner: string;
  readonly root: readonly string[];
  readonly minimumEpoch?: number;
  readonly output?: string;
  readonly json: boolean;
}

/** Flags of `broker register`. */
export interface BrokerRegisterFlags extends KeyFlagValues, BrokerConnectionFlags {
  readonly submitter: string;
  readonly key: string;
  readonly trust?: string;
  readonly param?: readonly string[];
  readonly params?: string;
  readonly pipeline?: string;
  readonly name?: string;
  readonly input?: readonly string[];
  readonly recipient?: readonly string[];
  readonly release?: readonly string[];
  readonly declassify?: readonly string[];
  readonly reuse: boolean;
  readonly expires?: number;
  readonly checkpoint?: string;
  readonly json: boolean;
}

/** Flags of `broker status`. */
export interface BrokerStatusFlags extends BrokerConnectionFlags {
  readonly json: boolean;
}

const init = buildCommand<BrokerInitFlags, [], CliContext>({
  loader: lazy(async () => (await import("../commands/broker.js")).init),
  parameters: {
    flags: {
      key: keyFlag,
      domain: required("name", "Name of the deployment: evidence of one is worth nothing in another"),
      policySigner: required("hex", "Ed25519 public key of who signs the trust policy, or its PEM file"),
      root: {
        kind: "parsed",
        parse: (text: string) => text,
        variadic: true,
        placeholder: "root",
        brief:
          "Root that evidence may end at: intel, the file of a certificate (DER), or simulated:KEY as image simulate prints; may be given several times",
      },
      minimumEpoch: {
        kind: "parsed",
        parse: integerFrom(1),
        optional: true,
        placeholder: "n",
        brief: "Lowest policy epoch that verifiers accept (default: 1)",
      },
      output: textFlag("file", "Where to write the trust file (default: standard output)"),
      ...keyFlags,
      json: jsonFlag,
    },
    aliases: { o: "output" },
  },
  docs: {
    brief: "Write the trust file of a broker: what its tasks' runs are verified by",
    fullDescription:
      "Writes whose word counts in a deployment: its name, the signer of its policy, the broker's public key, the roots of evidence. Give it to auditors; `broker serve` and `verify` take it as --trust.",
  },
});

const register = buildCommand<BrokerRegisterFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/broker-register.js")).register),
  parameters: {
    flags: {
      ...brokerConnectionFlags,
      submitter: required("name", "Who asks for the run, as the trust policy names it"),
      key: required("file", "Its Ed25519 private key, PEM (PKCS #8)"),
      trust: textFlag(
        "file",
        "Trust file that the broker must agree with (default: trust.yaml of the project)",
      ),
      param: textsFlag("name=value", "Run parameter; public; may be given several times"),
      params: textFlag("file", "Run parameters as a JSON or YAML object"),
      pipeline: textFlag("name", "Which pipeline of the file"),
      name: textFlag("name", "Name of the run (default: the pipeline's)"),
      input: textsFlag(
        "name=file",
        "Sealed artifact for an input of the pipeline, or for the importer at a path; may be given several times",
      ),
      recipient: textsFlag(
        "recipient",
        "Who the outputs are sealed to: a recipient, or the name of a key here",
      ),
      release: textsFlag("task/output", "Output that the bundle shows; may be given several times"),
      declassify: textsFlag("task/output", "Output that the control plane sees; may be given several times"),
      reuse: switchFlag("Let the broker reuse results of earlier runs where the pipeline caches"),
      expires: {
        kind: "parsed",
        parse: durationMs,
        optional: true,
        placeholder: "duration",
        brief: "How long the run may take (default: 24h)",
      },
      checkpoint: textFlag("file", "Where to keep the broker's checkpoint, to hold its log against later"),
      ...keyFlags,
      json: jsonFlag,
    },
    positional: { kind: "tuple", parameters: [argument("file", "Pipeline as .ts, .js, .yaml or .json")] },
  },
  docs: {
    brief: "Sign and register a run with a broker, and print its id",
    fullDescription:
      "Signs which pipeline shall run with which parameters and data, and who gets the results, and registers it with the broker. The trust policy must authorise it. The control plane that then starts the tasks is not trusted with anything.",
  },
});

const status = buildCommand<BrokerStatusFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/broker-register.js")).status),
  parameters: {
    flags: { ...brokerConnectionFlags, json: jsonFlag },
    positional: { kind: "tuple", parameters: [argument("run", "Id of the run")] },
  },
  docs: { brief: "Show a registered run as its broker sees it: what is proven, and what is due" },
});

export const brokerRoutes = buildRouteMap<string, CliContext>({
  routes: { init, serve: serveCommand, register, status, image, deploy: deployRoutes, expose, tunnel },
  docs: { brief: "Set up and serve the broker of sealed runs" },
});
