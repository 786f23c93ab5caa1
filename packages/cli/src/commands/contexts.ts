/** `sealflow contexts add|list|use|remove|check`. */
import {
  type ClusterContext,
  contextNamed,
  localContext,
  missingValues,
  openSession,
  readContexts,
  writeContexts,
} from "@sealflow/cluster";
import { SealflowError } from "@sealflow/core";
import { KfpClient } from "@sealflow/kfp";
import { type CliContext, wantsColour } from "../context.js";
import { formatWarning } from "../render/error.js";
import { styleFor } from "../render/style.js";
import { formatColumns } from "../render/text.js";
import type { AddContextFlags, ContextFlags } from "../routes/contexts.js";

/** `sealflow contexts add NAME`. */
export async function addContext(context: CliContext, flags: AddContextFlags, name: string): Promise<void> {
  checkName(name);
  const { env } = context.process;
  const file = readContexts(env);
  const added = await withConfidential(context, flags, contextOf(flags));
  const current = flags.use ? name : file.current;
  writeContexts(env, {
    ...file,
    ...(current === undefined ? {} : { current }),
    contexts: { ...file.contexts, [name]: added },
  });
  tell(context, flags, { name, ...added }, `Context ${name} ${name in file.contexts ? "replaced" : "added"}`);
}

/** `sealflow contexts list`. */
export async function listContexts(context: CliContext, flags: ContextFlags): Promise<void> {
  const { current = localContext, contexts } = readContexts(context.process.env);
  if (flags.json) {
    const all = [localContext, ...Object.keys(contexts)].map((name) => ({ name, ...contexts[name] }));
    context.process.stdout.write(`${JSON.stringify({ current, contexts: all })}\n`);
    return;
  }
  const rows = Object.entries(contexts).map(([name, each]) => [
    `${name === current ? "*" : " "} ${name}`,
    placeOf(each),
    each.namespace ?? "–",
    authOf(each),
  ]);
  const local = [`${current === localContext ? "*" : " "} ${localContext}`, "this machine", "–", "–"];
  context.process.stdout.write(formatColumns([["  NAME", "WHERE", "NAMESPACE", "AUTH"], local, ...rows]));
}

/** `sealflow contexts use NAME`. */
export async function useContext(context: CliContext, flags: ContextFlags, name: string): Promise<void> {
  const { env } = context.process;
  const { current: _, ...file } = readContexts(env);
  if (name !== localContext) contextNamed(file, name);
  writeContexts(env, name === localContext ? file : { ...file, current: name });
  tell(context, flags, { current: name }, `Runs go to ${name} wherever --on is not given`);
}

/** `sealflow contexts remove NAME`. */
export async function removeContext(context: CliContext, flags: ContextFlags, name: string): Promise<void> {
  const { env } = context.process;
  const { current, ...file } = readContexts(env);
  contextNamed(file, name);
  const contexts = Object.fromEntries(Object.entries(file.contexts).filter(([each]) => each !== name));
  const kept = current === undefined || current === name ? {} : { current };
  writeContexts(env, { ...file, ...kept, contexts });
  tell(context, flags, { removed: name }, `Context ${name} removed`);
}

/** `sealflow contexts check NAME`. */
export async function checkContext(context: CliContext, flags: ContextFlags, name: string): Promise<void> {
  const { env } = context.process;
  const session = await openSession(contextNamed(readContexts(env), name), env);
  try {
    const client = new KfpClient(session.client);
    const health = await client.healthz();
    await client.listRuns({
      pageSize: 1,
      ...(session.namespace === undefined ? {} : { namespace: session.namespace }),
    });
    const users = health.multi_user ? "several users" : "one user";
    const missing = await missingValues(session);
    const values = missing === undefined ? {} : { incomplete: missing };
    tell(
      context,
      flags,
      { name, ok: true, ...health, ...values },
      `${name} answers, and lists runs (${users})`,
    );
    if (missing === undefined) return;
    const { stderr } = context.process;
    stderr.write(formatWarning(missing, styleFor(wantsColour(stderr, env))));
  } finally {
    await session.close();
  }
}

/** What confidential runs there are made with, checked as far as it can be without asking anybody. */
async function withConfidential(
  context: CliContext,
  flags: AddContextFlags,
  added: ClusterContext,
): Promise<ClusterContext> {
  const { keptInContext, serviceAt } = await import("../confidential/settings.js");
  const kept = keptInContext(context, flags);
  if (kept.broker !== undefined) serviceAt("--broker", kept.broker, kept.brokerPin);
  if (flags.confidential && kept.broker === undefined)
    throw usage("--confidential: expected --broker beside it");
  if (Object.keys(kept).length === 0) return added;
  return { ...added, confidential: { ...(flags.confidential ? { always: true } : {}), ...kept } };
}

function contextOf(flags: AddContextFlags): ClusterContext {
  const through = flags.kubernetes !== undefined || flags.currentCluster;
  if (through === (flags.endpoint !== undefined)) {
    throw usage("expected either --endpoint, or --kubernetes or --current-cluster");
  }
  if (flags.endpoint !== undefined && !/^https?:\/\//.test(flags.endpoint))
    throw usage(`--endpoint: expected an address that begins with http, got ${flags.endpoint}`);
  return {
    ...(flags.endpoint === undefined ? {} : { endpoint: flags.endpoint }),
    ...(through ? { kubernetes: clusterOf(flags) } : {}),
    ...(flags.metadata === undefined ? {} : { metadata: metadataOf(flags.metadata, through) }),
    ...(flags.namespace === undefined ? {} : { namespace: flags.namespace }),
    auth: authFrom(flags),
  };
}

function metadataOf(place: string, through: boolean): NonNullable<ClusterContext["metadata"]> {
  if (/^https?:\/\//.test(place)) return { endpoint: place };
  if (!through)
    throw usage(`--metadata: expected an address that begins with http beside --endpoint, got ${place}`);
  return { kubernetes: serviceIn("--metadata", place) };
}

function serviceIn(flag: string, text: string) {
  const service = /^([a-z0-9-]+)\/([a-z0-9.-]+):(\d+)$/.exec(text);
  if (service === null) throw usage(`${flag}: expected namespace/name:port, got ${text}`);
  const [, serviceNamespace = "", name = "", port] = service;
  return { service: name, serviceNamespace, port: Number(port) };
}

function clusterOf(flags: AddContextFlags): NonNullable<ClusterContext["kubernetes"]> {
  return {
    ...(flags.kubernetes === undefined ? {} : { context: flags.kubernetes }),
    ...(flags.kubeconfig === undefined ? {} : { kubeconfig: flags.kubeconfig }),
    ...(flags.path === undefined ? {} : { path: `/${flags.path.replace(/^\/+|\/+$/g, "")}` }),
    ...serviceIn("--service", flags.service ?? "kubeflow/ml-pipeline:8888"),
  };
}

function authFrom(flags: AddContextFlags): ClusterContext["auth"] {
  const { tokenFile, tokenEnv, user, passwordFile, passwordEnv } = flags;
  const bearer = tokenFile !== undefined || tokenEnv !== undefined;
  if (bearer && user !== undefined) throw usage("expected a token or a user, got both");
  if (bearer) return { kind: "bearer", ...(tokenFile === undefined ? { tokenEnv } : { tokenFile }) };
  if (user === undefined) return { kind: "none" };
  if (passwordFile === undefined && passwordEnv === undefined)
    throw usage("--user: expected --password-file or --password-env beside it");
  return {
    kind: "dex",
    username: user,
    ...(passwordFile === undefined ? { passwordEnv } : { passwordFile }),
  };
}

function placeOf({ endpoint, kubernetes }: ClusterContext): string {
  if (kubernetes === undefined) return endpoint ?? "";
  const { context = "current context", serviceNamespace, service, port } = kubernetes;
  return `${context}: ${serviceNamespace}/${service}:${port}`;
}

function authOf({ auth }: ClusterContext): string {
  return auth.kind === "dex" ? `dex ${auth.username}` : auth.kind;
}

function checkName(name: string): void {
  const taken = name === localContext || name.startsWith("k8s:");
  if (!taken && /^[A-Za-z0-9][\w.-]{0,62}$/.test(name)) return;
  throw usage(
    taken
      ? `${name}: expected another name: local is this machine, and k8s: leads to plain Kubernetes`
      : `${name}: expected letters, digits, dots, dashes and underscores`,
  );
}

function usage(message: string): SealflowError {
  return new SealflowError({ code: "CLI_CONTEXT_INVALID", message: `contexts add: ${message}` });
}

function tell(context: CliContext, flags: ContextFlags, value: object, text: string): void {
  context.process.stdout.write(flags.json ? `${JSON.stringify(value)}\n` : `${text}\n`);
}
