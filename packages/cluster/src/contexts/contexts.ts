/** Where runs can go besides this machine: named contexts in a file of the user, as kubectl keeps them. */
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { SealflowError } from "@sealflow/core";
import { z } from "zod";

/** Environment variables. */
type Environment = Readonly<Partial<Record<string, string>>>;

const auth = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("none") }),
  z.strictObject({
    kind: z.literal("bearer"),
    tokenFile: z.string().optional(),
    tokenEnv: z.string().optional(),
  }),
  z.strictObject({
    kind: z.literal("dex"),
    username: z.string(),
    passwordFile: z.string().optional(),
    passwordEnv: z.string().optional(),
  }),
]);

/** What confidential runs of a context are made with; files and variables are named, secrets never kept. */
const confidential = z.strictObject({
  /** Runs are confidential unless `--no-sealed` says otherwise. */
  always: z.boolean().optional(),
  broker: z.url().optional(),
  brokerHere: z.url().optional(),
  brokerPin: z.string().optional(),
  submitter: z.string().optional(),
  submitterKey: z.string().optional(),
  trust: z.string().optional(),
  image: z.array(z.string()).optional(),
  recipient: z.array(z.string()).optional(),
  quotes: z.string().optional(),
  quotesPin: z.string().optional(),
  quotesTokenFile: z.string().optional(),
  depot: z.string().optional(),
  nodeLabel: z.array(z.string()).optional(),
  taint: z.array(z.string()).optional(),
});

/** Defaults of a context's confidential runs. */
export type ConfidentialContext = z.infer<typeof confidential>;

const context = z.strictObject({
  /** Address of the API; absent when it is reached through the Kubernetes API. */
  endpoint: z.url().optional(),
  /** Reached by port-forward through this cluster's API. */
  kubernetes: z
    .strictObject({
      context: z.string().optional(),
      kubeconfig: z.string().optional(),
      service: z.string(),
      serviceNamespace: z.string(),
      port: z.number().int(),
      path: z.string().optional(),
    })
    .optional(),
  /** Namespace of runs, for installations with several users. */
  namespace: z.string().optional(),
  /** Where Kubeflow's ML Metadata answers as gRPC-Web. Default: where an installation has it. */
  metadata: z
    .union([
      z.strictObject({ endpoint: z.url(), kubernetes: z.undefined().optional() }),
      z.strictObject({
        endpoint: z.undefined().optional(),
        kubernetes: z.strictObject({
          service: z.string(),
          serviceNamespace: z.string(),
          port: z.number().int(),
        }),
      }),
    ])
    .optional(),
  confidential: confidential.optional(),
  auth,
});

/** One context. It names secrets (files, environment variables) and never holds any. */
export type ClusterContext = z.infer<typeof context>;

const file = z.strictObject({
  version: z.literal(1),
  current: z.string().optional(),
  contexts: z.record(z.string(), context),
});

/** All contexts, and the one in use. */
export type ContextFile = z.infer<typeof file>;

/** This machine: always there, in no file. */
export const localContext = "local";

/** The file: `SEALFLOW_CONTEXTS`, else `sealflow/contexts.json` in the user's configuration directory. */
export function contextsPath(environment: Environment): string {
  const { SEALFLOW_CONTEXTS, XDG_CONFIG_HOME, HOME } = environment;
  if (SEALFLOW_CONTEXTS) return SEALFLOW_CONTEXTS;
  return join(XDG_CONFIG_HOME || join(HOME ?? homedir(), ".config"), "sealflow", "contexts.json");
}

/**
 * Reads the file; an absent one holds nothing.
 *
 * @throws SealflowError `CLUSTER_CONTEXTS_INVALID`
 */
export function readContexts(environment: Environment): ContextFile {
  const path = contextsPath(environment);
  if (!existsSync(path)) return { version: 1, contexts: {} };
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw invalid(path, cause instanceof Error ? cause.message : String(cause));
  }
  const parsed = file.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw invalid(path, `${issue?.path.join(".")}: ${issue?.message}`);
}

/** Writes the file whole; only its owner may read it. */
export function writeContexts(environment: Environment, contexts: ContextFile): void {
  const path = contextsPath(environment);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(contexts, null, 2)}\n`, { mode: 0o600 });
  chmodSync(temporary, 0o600);
  renameSync(temporary, path);
}

/**
 * The context of a name.
 *
 * @throws SealflowError `CLUSTER_CONTEXT_UNKNOWN`
 */
export function contextNamed({ contexts }: ContextFile, name: string): ClusterContext {
  const found = contexts[name];
  if (found !== undefined) return found;
  const names = [localContext, ...Object.keys(contexts)];
  throw new SealflowError({
    code: "CLUSTER_CONTEXT_UNKNOWN",
    message: `context ${name}: expected one of ${names.join(", ")}`,
    hint: "`sealflow contexts add` makes one; k8s:CONTEXT runs tasks as Jobs on a cluster without Kubeflow.",
  });
}

function invalid(path: string, reason: string): SealflowError {
  return new SealflowError({
    code: "CLUSTER_CONTEXTS_INVALID",
    message: `contexts: ${reason}`,
    where: { file: path },
    hint: "Mend the file, or remove it and add the contexts again.",
  });
}
