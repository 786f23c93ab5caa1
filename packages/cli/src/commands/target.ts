/** Where a command's runs are: this machine, a remote engine, or a cluster whose Jobs do the work. */
import type { ClusterContext, Session } from "@sealflow/cluster";
import type { CliContext } from "../context.js";

/** A place for runs. */
export type Target =
  | { readonly kind: "local" }
  | { readonly kind: "remote"; readonly name: string; readonly context: ClusterContext }
  | { readonly kind: "jobs"; readonly kubeContext: string | undefined };

/**
 * What `--on` means; without it, the context in use.
 *
 * @throws SealflowError `CLUSTER_CONTEXT_UNKNOWN`, `CLUSTER_CONTEXTS_INVALID`
 */
export async function targetOf(context: CliContext, on: string | undefined): Promise<Target> {
  const { env } = context.process;
  if (on === "local") return { kind: "local" };
  if (on?.startsWith("k8s:")) return { kind: "jobs", kubeContext: on.slice("k8s:".length) || undefined };
  if (on === undefined && !(await hasContexts(env))) return { kind: "local" };
  const { contextNamed, localContext, readContexts } = await import("@sealflow/cluster");
  const file = readContexts(env);
  const name = on ?? file.current ?? localContext;
  if (name === localContext) return { kind: "local" };
  return { kind: "remote", name, context: contextNamed(file, name) };
}

/** Opens a remote place for the time of the work. */
export async function withSession<T>(
  context: CliContext,
  target: Extract<Target, { kind: "remote" }>,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const { openSession } = await import("@sealflow/cluster");
  const session = await openSession(target.context, context.process.env);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** Most people have no contexts: the rooms behind them are not loaded then. */
async function hasContexts(env: CliContext["process"]["env"]): Promise<boolean> {
  const [{ existsSync }, { join }, { homedir }] = await Promise.all([
    import("node:fs"),
    import("node:path"),
    import("node:os"),
  ]);
  const directory = env.XDG_CONFIG_HOME || join(env.HOME ?? homedir(), ".config");
  return existsSync(env.SEALFLOW_CONTEXTS || join(directory, "sealflow", "contexts.json"));
}
