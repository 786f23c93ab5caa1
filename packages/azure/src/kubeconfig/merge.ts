/** Putting a cluster's credentials among those that are there. */
import { isJsonObject, type JsonObject, SealflowError } from "@sealflow/core";

/** The merged file and the context that was added. */
export interface MergedKubeconfig {
  readonly text: string;
  readonly context: string;
}

const lists = ["clusters", "users", "contexts"] as const;

/**
 * Adds the entries of `added` to `existing` and makes its context the current one. Entries of the same names are
 * replaced; all others, and comments of the file, stay.
 *
 * @param existing YAML of the file that is there; empty text for none.
 * @param contextName Renames the added context, cluster and user.
 * @throws SealflowError `AZURE_KUBECONFIG_INVALID`
 */
export async function mergeKubeconfig(
  existing: string,
  added: string,
  contextName?: string,
): Promise<MergedKubeconfig> {
  const { parse, parseDocument } = await import("yaml");
  const fresh: unknown = parse(added);
  if (!isJsonObject(fresh)) throw invalid("the credentials");
  const renamed = contextName === undefined ? fresh : rename(fresh, contextName);
  const document = parseDocument(existing.trim() === "" ? "apiVersion: v1\nkind: Config\n" : existing);
  const current: unknown = document.toJS();
  if (document.errors.length > 0 || !isJsonObject(current)) throw invalid("the file");
  for (const list of lists) {
    const names = new Set(entries(renamed, list).map(({ name }) => name));
    const kept = entries(current, list).filter(({ name }) => !names.has(name));
    document.set(list, document.createNode([...kept, ...entries(renamed, list)]));
  }
  const context = typeof renamed["current-context"] === "string" ? renamed["current-context"] : undefined;
  if (context === undefined) throw invalid("the credentials");
  document.set("current-context", context);
  return { text: document.toString({ lineWidth: 0 }), context };
}

function entries(config: JsonObject, list: (typeof lists)[number]): JsonObject[] {
  const members = config[list];
  return Array.isArray(members) ? members.filter(isJsonObject) : [];
}

function rename(config: JsonObject, name: string): JsonObject {
  const user = `${name}-user`;
  const first = (list: (typeof lists)[number]) => entries(config, list)[0] ?? {};
  const context = isJsonObject(first("contexts").context) ? (first("contexts").context as JsonObject) : {};
  return {
    ...config,
    clusters: [{ ...first("clusters"), name }],
    users: [{ ...first("users"), name: user }],
    contexts: [{ name, context: { ...context, cluster: name, user } }],
    "current-context": name,
  };
}

function invalid(what: string): SealflowError {
  return new SealflowError({
    code: "AZURE_KUBECONFIG_INVALID",
    message: `kubeconfig: expected ${what} to be a kubeconfig in YAML`,
    hint: "mend the file, or name another with --kubeconfig",
  });
}
