/** Logins for registries, where `docker login`, `podman login` and `az acr login` leave them. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { isJsonObject, type JsonObject } from "@sealflow/core";

/** A user with a password, or a refresh token that the registry's token service takes. Secret. */
export type Login =
  | { readonly kind: "password"; readonly user: string; readonly password: string }
  | { readonly kind: "refresh-token"; readonly token: string };

/** Gives the login for a registry's host; undefined for none. */
export type Logins = (host: string) => Promise<Login | undefined>;

/** User name that Docker's credential helpers use for refresh tokens, and ACR's for its own. */
const tokenUsers = new Set(["<token>", "00000000-0000-0000-0000-000000000000"]);

/** Logins from the configuration files of Docker and Podman, and their credential helpers. */
export function storedLogins(environment: Readonly<Partial<Record<string, string>>>): Logins {
  return async (host) => {
    for (const file of configFiles(environment)) {
      const config = readConfig(file);
      const login = await loginIn(config, host);
      if (login !== undefined) return login;
    }
    return undefined;
  };
}

function configFiles(env: Readonly<Partial<Record<string, string>>>): readonly string[] {
  const runtime = env.XDG_RUNTIME_DIR;
  return [
    ...(env.REGISTRY_AUTH_FILE ? [env.REGISTRY_AUTH_FILE] : []),
    ...(runtime ? [join(runtime, "containers", "auth.json")] : []),
    join(env.DOCKER_CONFIG || join(env.HOME || homedir(), ".docker"), "config.json"),
  ].filter((file) => existsSync(file));
}

function readConfig(file: string): JsonObject {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}

/** Docker Hub's entry has a name of its own. */
function keysOf(host: string): readonly string[] {
  const own = [host, `https://${host}`, `https://${host}/v2/`];
  return host === "docker.io" ? [...own, "https://index.docker.io/v1/", "index.docker.io"] : own;
}

async function loginIn(config: JsonObject, host: string): Promise<Login | undefined> {
  const helpers = isJsonObject(config.credHelpers) ? config.credHelpers : {};
  const auths = isJsonObject(config.auths) ? config.auths : {};
  for (const key of keysOf(host)) {
    const helper = helpers[key];
    if (typeof helper === "string") return fromHelper(helper, key);
    const entry = auths[key];
    const login = isJsonObject(entry) ? fromEntry(entry) : undefined;
    if (login !== undefined) return login;
  }
  const store = config.credsStore;
  if (typeof store !== "string") return undefined;
  for (const key of keysOf(host)) {
    const login = await fromHelper(store, key);
    if (login !== undefined) return login;
  }
  return undefined;
}

function fromEntry({ auth, identitytoken, username, password }: JsonObject): Login | undefined {
  if (typeof identitytoken === "string" && identitytoken !== "") {
    return { kind: "refresh-token", token: identitytoken };
  }
  if (typeof username === "string" && typeof password === "string") return loginOf(username, password);
  if (typeof auth !== "string") return undefined;
  const text = Buffer.from(auth, "base64").toString();
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : loginOf(text.slice(0, colon), text.slice(colon + 1));
}

function loginOf(user: string, password: string): Login {
  return tokenUsers.has(user)
    ? { kind: "refresh-token", token: password }
    : { kind: "password", user, password };
}

/** `docker-credential-NAME get`, with the server on standard input. */
function fromHelper(name: string, server: string): Promise<Login | undefined> {
  return new Promise((resolve) => {
    const child = execFile(`docker-credential-${name}`, ["get"], { timeout: 20_000 }, (error, stdout) => {
      if (error !== null) return resolve(undefined);
      try {
        const { Username, Secret } = JSON.parse(stdout) as { Username?: string; Secret?: string };
        resolve(Username === undefined || Secret === undefined ? undefined : loginOf(Username, Secret));
      } catch {
        resolve(undefined);
      }
    });
    child.stdin?.on("error", () => {});
    child.stdin?.end(server);
  });
}
