/** kubectl's configuration: which cluster, as whom. Source: client-go, tools/clientcmd/api/v1. */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";
import { parse } from "yaml";
import { invalidConfig } from "./errors.js";

/** Environment variables. */
export type Environment = Readonly<Partial<Record<string, string>>>;

/** A program that gives credentials. Source: client.authentication.k8s.io. */
export interface ExecCredential {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly apiVersion: string;
  readonly provideClusterInfo: boolean;
  readonly installHint?: string;
}

/** Who asks. At most one kind of bearer credential is set; certificates may stand beside it. */
export interface KubeUser {
  readonly certificate?: string;
  readonly key?: string;
  readonly token?: string;
  /** Read before each request: service account tokens are renewed in place. */
  readonly tokenFile?: string;
  readonly basic?: { readonly username: string; readonly password: string };
  readonly exec?: ExecCredential;
}

/** All that a client needs. */
export interface KubeContext {
  readonly name: string;
  /** Without a slash at the end. */
  readonly server: string;
  readonly certificateAuthority?: string;
  readonly insecure: boolean;
  readonly tlsServerName?: string;
  readonly namespace: string;
  readonly user: KubeUser;
}

/** Which configuration and which part of it. */
export interface ContextChoice {
  /** Default: `KUBECONFIG` (a list), else `~/.kube/config`; inside a pod its service account. */
  readonly kubeconfig?: string;
  /** Default: the current context. */
  readonly context?: string;
}

const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * The context that is meant.
 *
 * @throws SealflowError `CLUSTER_KUBECONFIG_INVALID`
 */
export function loadContext(choice: ContextChoice, environment: Environment): KubeContext {
  const files = configFiles(choice, environment).filter((file) => existsSync(file));
  if (files.length === 0) return fromPod(choice, environment);
  const config = merge(files);
  const name = choice.context ?? config.current;
  if (name === undefined)
    throw invalidConfig("kubeconfig: expected a current-context, got none", { hint: "Name one." });
  const context = config.contexts.get(name);
  if (context === undefined) throw unknownContext(name, [...config.contexts.keys()]);
  const clusterName = text(context.value.cluster) ?? "";
  const cluster = config.clusters.get(clusterName);
  if (cluster === undefined)
    throw invalidConfig(`context ${name}: cluster ${clusterName} is not in the kubeconfig`);
  const userName = text(context.value.user);
  const user = userName === undefined ? undefined : config.users.get(userName);
  if (userName !== undefined && userName !== "" && user === undefined)
    throw invalidConfig(`context ${name}: user ${userName} is not in the kubeconfig`);
  return {
    name,
    ...clusterOf(clusterName, cluster),
    namespace: text(context.value.namespace) ?? "default",
    user: user === undefined ? {} : userOf(user),
  };
}

/** Names of all contexts, and the current one. */
export function listContexts(
  choice: ContextChoice,
  environment: Environment,
): { readonly names: readonly string[]; readonly current?: string } {
  const files = configFiles(choice, environment).filter((file) => existsSync(file));
  const config = merge(files);
  return {
    names: [...config.contexts.keys()],
    ...(config.current === undefined ? {} : { current: config.current }),
  };
}

function configFiles({ kubeconfig }: ContextChoice, environment: Environment): string[] {
  if (kubeconfig !== undefined) {
    if (!existsSync(kubeconfig))
      throw invalidConfig(`${kubeconfig}: expected a kubeconfig, got no such file`);
    return [kubeconfig];
  }
  if (environment.KUBECONFIG) return environment.KUBECONFIG.split(delimiter).filter((part) => part !== "");
  return [join(environment.HOME ?? homedir(), ".kube", "config")];
}

/** An entry, and the directory that its relative paths start from. */
interface Entry {
  readonly value: JsonObject;
  readonly directory: string;
}

interface Merged {
  readonly clusters: Map<string, Entry>;
  readonly users: Map<string, Entry>;
  readonly contexts: Map<string, Entry>;
  readonly current: string | undefined;
}

/** The first file that names something wins, as for kubectl. */
function merge(files: readonly string[]): Merged {
  const clusters = new Map<string, Entry>();
  const users = new Map<string, Entry>();
  const contexts = new Map<string, Entry>();
  let current: string | undefined;
  for (const file of files) {
    const config = readConfig(file);
    const directory = dirname(resolve(file));
    collect(clusters, config.clusters, "cluster", directory);
    collect(users, config.users, "user", directory);
    collect(contexts, config.contexts, "context", directory);
    current ??= text(config["current-context"]);
  }
  return { clusters, users, contexts, current };
}

function readConfig(file: string): JsonObject {
  let value: unknown;
  try {
    value = parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw invalidConfig(`${file}: ${cause instanceof Error ? cause.message.split("\n")[0] : String(cause)}`, {
      file,
    });
  }
  if (value === null) return {};
  if (!isJsonObject(value))
    throw invalidConfig(`${file}: expected a kubeconfig, got something else`, { file });
  return value;
}

function collect(
  into: Map<string, Entry>,
  list: JsonValue | undefined,
  key: string,
  directory: string,
): void {
  if (!Array.isArray(list)) return;
  for (const item of list) {
    if (!isJsonObject(item)) continue;
    const name = text(item.name);
    const value = item[key];
    if (name !== undefined && isJsonObject(value) && !into.has(name)) into.set(name, { value, directory });
  }
}

function clusterOf(name: string, entry: Entry): Omit<KubeContext, "name" | "namespace" | "user"> {
  const { value } = entry;
  const server = text(value.server);
  if (server === undefined) throw invalidConfig(`cluster ${name}: expected a server address, got none`);
  if (text(value["proxy-url"]) !== undefined)
    throw invalidConfig(`cluster ${name}: proxy-url is not supported`, {
      hint: "Reach the API server without a proxy, for example through a VPN or an SSH tunnel.",
    });
  const authority = content(entry, "certificate-authority");
  const tlsServerName = text(value["tls-server-name"]);
  return {
    server: server.replace(/\/+$/, ""),
    ...(authority === undefined ? {} : { certificateAuthority: authority }),
    insecure: value["insecure-skip-tls-verify"] === true,
    ...(tlsServerName === undefined ? {} : { tlsServerName }),
  };
}

function userOf(entry: Entry): KubeUser {
  const { value, directory } = entry;
  if (value["auth-provider"] !== undefined)
    throw invalidConfig("kubeconfig: auth-provider is gone from Kubernetes since 1.26", {
      hint: "Get credentials again, for example with `az aks get-credentials`: it writes an exec plugin.",
    });
  const certificate = content(entry, "client-certificate");
  const key = content(entry, "client-key");
  const token = text(value.token);
  const tokenFile = text(value.tokenFile);
  const username = text(value.username);
  const exec = isJsonObject(value.exec) ? execOf(value.exec, directory) : undefined;
  return {
    ...(certificate === undefined ? {} : { certificate }),
    ...(key === undefined ? {} : { key }),
    ...(token === undefined ? {} : { token }),
    ...(tokenFile === undefined ? {} : { tokenFile: resolve(directory, tokenFile) }),
    ...(username === undefined ? {} : { basic: { username, password: text(value.password) ?? "" } }),
    ...(exec === undefined ? {} : { exec }),
  };
}

function execOf(value: JsonObject, directory: string): ExecCredential {
  const command = text(value.command) ?? "";
  const env = Array.isArray(value.env) ? value.env.filter(isJsonObject) : [];
  const installHint = text(value.installHint);
  return {
    // A relative path with a slash starts at the file; a bare name is looked up on PATH.
    command: command.includes("/") ? resolve(directory, command) : command,
    args: Array.isArray(value.args) ? value.args.map(String) : [],
    env: Object.fromEntries(env.map(({ name, value: of }) => [String(name), String(of)])),
    apiVersion: text(value.apiVersion) ?? "client.authentication.k8s.io/v1",
    provideClusterInfo: value.provideClusterInfo === true,
    ...(installHint === undefined ? {} : { installHint }),
  };
}

/** PEM text from `NAME-data` (base64) or from the file that `NAME` names. */
function content({ value, directory }: Entry, name: string): string | undefined {
  const data = text(value[`${name}-data`]);
  if (data !== undefined) return Buffer.from(data, "base64").toString("utf8");
  const file = text(value[name]);
  if (file === undefined) return undefined;
  try {
    return readFileSync(resolve(directory, file), "utf8");
  } catch {
    throw invalidConfig(`kubeconfig: ${name} ${file} can't be read`);
  }
}

function text(value: JsonValue | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Inside a pod: the service account that is mounted there. */
function fromPod(
  { context }: ContextChoice,
  { KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT = "443" }: Environment,
): KubeContext {
  if (
    KUBERNETES_SERVICE_HOST === undefined ||
    context !== undefined ||
    !existsSync(`${serviceAccount}/token`)
  ) {
    throw invalidConfig("expected a kubeconfig at KUBECONFIG or ~/.kube/config, got none", {
      hint: "Get one for the cluster, for example with `az aks get-credentials`, or name one with --kubeconfig.",
    });
  }
  return {
    name: "in-cluster",
    server: `https://${KUBERNETES_SERVICE_HOST.includes(":") ? `[${KUBERNETES_SERVICE_HOST}]` : KUBERNETES_SERVICE_HOST}:${KUBERNETES_SERVICE_PORT}`,
    certificateAuthority: readFileSync(`${serviceAccount}/ca.crt`, "utf8"),
    insecure: false,
    namespace: readFileSync(`${serviceAccount}/namespace`, "utf8").trim(),
    user: { tokenFile: `${serviceAccount}/token` },
  };
}

function unknownContext(name: string, known: readonly string[]): Error {
  return invalidConfig(
    `context ${name}: expected one of the kubeconfig, which has ${known.join(", ") || "none"}`,
    {
      hint: "`kubectl config get-contexts` lists them; --kubeconfig or KUBECONFIG names another file.",
    },
  );
}
