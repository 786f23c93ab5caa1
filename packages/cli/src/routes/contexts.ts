import { buildCommand, buildRouteMap } from "@stricli/core";
import type { CliContext } from "../context.js";
import { argument, jsonFlag, switchFlag, textFlag } from "./flags.js";
import { lazy } from "./lazy.js";
import { type SealedElsewhereFlags, sealedElsewhereFlags } from "./sealed-elsewhere.js";

/** Flags of `contexts add`. */
export interface AddContextFlags extends SealedElsewhereFlags {
  readonly confidential: boolean;
  readonly endpoint?: string;
  readonly kubernetes?: string;
  readonly currentCluster: boolean;
  readonly kubeconfig?: string;
  readonly service?: string;
  readonly path?: string;
  readonly metadata?: string;
  readonly namespace?: string;
  readonly tokenFile?: string;
  readonly tokenEnv?: string;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly passwordEnv?: string;
  readonly use: boolean;
  readonly json: boolean;
}

/** Flags of the other commands on contexts. */
export interface ContextFlags {
  readonly json: boolean;
}

const name = argument("name", "Name of the context");

const add = buildCommand<AddContextFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/contexts.js")).addContext),
  parameters: {
    flags: {
      endpoint: textFlag("url", "Address of the API, for example https://kubeflow.example/pipeline"),
      kubernetes: textFlag("context", "Reach the API by port-forward through this context of the kubeconfig"),
      currentCluster: switchFlag("Reach it through the kubeconfig's current context"),
      kubeconfig: textFlag("file", "Which kubeconfig (default: KUBECONFIG, else ~/.kube/config)"),
      service: textFlag("namespace/name:port", "Service to forward to (default: kubeflow/ml-pipeline:8888)"),
      path: textFlag("path", "Path of the API behind that service, for example /pipeline"),
      metadata: textFlag(
        "place",
        "Where ML Metadata answers as gRPC-Web: an address, or namespace/name:port (default: where Kubeflow has it)",
      ),
      namespace: textFlag("name", "Namespace of runs, where Kubeflow has several users"),
      tokenFile: textFlag("file", "Send the bearer token in this file; read anew for each request"),
      tokenEnv: textFlag("variable", "Send the bearer token in this environment variable"),
      user: textFlag("email", "Log in at Dex as this user, with --password-file or --password-env"),
      passwordFile: textFlag("file", "File with the password of --user"),
      passwordEnv: textFlag("variable", "Environment variable with the password of --user"),
      confidential: switchFlag("Runs there are confidential unless --no-sealed says otherwise"),
      ...sealedElsewhereFlags,
      use: switchFlag("Use it from now on wherever --on is not given"),
      json: jsonFlag,
    },
    positional: { kind: "tuple", parameters: [name] },
  },
  docs: {
    brief: "Add a place where runs can go, or replace it",
    fullDescription:
      "Add a context: an address or a way through a cluster's API, a namespace, and how to prove who asks. Secrets are named, never kept.",
  },
});

const list = buildCommand<ContextFlags, [], CliContext>({
  loader: lazy(async () => (await import("../commands/contexts.js")).listContexts),
  parameters: { flags: { json: jsonFlag } },
  docs: { brief: "List contexts; an asterisk marks the one in use" },
});

const use = buildCommand<ContextFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/contexts.js")).useContext),
  parameters: { flags: { json: jsonFlag }, positional: { kind: "tuple", parameters: [name] } },
  docs: { brief: "Use a context wherever --on is not given; local is this machine" },
});

const remove = buildCommand<ContextFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/contexts.js")).removeContext),
  parameters: { flags: { json: jsonFlag }, positional: { kind: "tuple", parameters: [name] } },
  docs: { brief: "Remove a context; what runs there goes on" },
});

const check = buildCommand<ContextFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/contexts.js")).checkContext),
  parameters: { flags: { json: jsonFlag }, positional: { kind: "tuple", parameters: [name] } },
  docs: { brief: "Ask a context's API whether it answers and takes the credentials" },
});

export const contextsRoutes = buildRouteMap<string, CliContext>({
  routes: { add, list, use, remove, check },
  defaultCommand: "list",
  docs: { brief: "Name the places where runs can go besides this machine" },
});
