/**
 * Models in container images: the directory `models` of an image, read from its registry without a container engine.
 * Source: OCI distribution and image specifications, version 1.1.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createWriteStream, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";
import type { RemoteAccess } from "./object-store.js";

/** The directory of an image that holds its models, by the convention of KServe's model cars. */
const MODELS = "models";

const manifestTypes = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
].join(", ");

/**
 * Puts the models of an image into a directory, below `models`.
 *
 * @param reference `HOST/NAME:TAG` or `HOST/NAME@DIGEST`.
 */
export async function downloadModels(reference: string, place: string, access: RemoteAccess): Promise<void> {
  const [, host = "", name = "", tag, digest] =
    /^([^/]+)\/([a-z0-9][a-z0-9._/-]*?)(?::([\w][\w.-]*))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(reference) ?? [];
  if (host === "") throw new Error("expected an image as oci://HOST/NAME:TAG");
  const registry = new Registry(host, name, access);
  const manifest = await registry.manifest(digest ?? tag ?? "latest");
  const layers = objects(manifest.layers);
  mkdirSync(join(place, MODELS), { recursive: true });
  for (const [index, { digest: layer }] of layers.entries()) {
    const file = join(place, `layer-${index}`);
    await registry.blob(String(layer), file);
    await extractModels(file, place);
    rmSync(file);
  }
}

function objects(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

/** One repository of a registry. */
class Registry {
  private readonly base: string;
  private readonly host: string;
  private readonly access: RemoteAccess;
  private authorization: string | undefined;

  constructor(host: string, name: string, access: RemoteAccess) {
    // Registries of this machine speak plain HTTP, as container engines have it too.
    const scheme = /^(localhost|127\.0\.0\.1)(:\d+)?$/.test(host) ? "http" : "https";
    this.base = `${scheme}://${host === "docker.io" ? "registry-1.docker.io" : host}/v2/${name}`;
    this.host = host;
    this.access = access;
  }

  /** The image's manifest; of an image for several platforms, the one for Linux on AMD64, or the first. */
  async manifest(reference: string): Promise<JsonObject> {
    const response = await this.get(`manifests/${reference}`, { accept: manifestTypes });
    const text = await response.text();
    if (reference.startsWith("sha256:"))
      checkDigest(reference, createHash("sha256").update(text).digest("hex"));
    const manifest: unknown = JSON.parse(text);
    if (!isJsonObject(manifest)) throw new Error("expected a manifest");
    const choices = objects(manifest.manifests);
    const fitting = choices.find(
      ({ platform }) => isJsonObject(platform) && platform.architecture === "amd64",
    );
    const chosen = fitting ?? choices[0];
    return chosen === undefined ? manifest : this.manifest(String(chosen.digest));
  }

  /** Writes a blob into a file; its content is what its digest says. */
  async blob(digest: string, file: string): Promise<void> {
    const response = await this.get(`blobs/${digest}`, {});
    const hash = createHash("sha256");
    const hashing = new Transform({
      transform(chunk, _, done) {
        hash.update(chunk);
        done(null, chunk);
      },
    });
    const body = Readable.fromWeb(
      (response.body ?? new Blob([]).stream()) as import("node:stream/web").ReadableStream,
    );
    await pipeline(body, hashing, createWriteStream(file));
    checkDigest(digest, hash.digest("hex"));
  }

  private async get(path: string, headers: Record<string, string>, again = true): Promise<Response> {
    const { signal, fetch } = this.access;
    const own = this.authorization === undefined ? {} : { authorization: this.authorization };
    const response = await fetch(`${this.base}/${path}`, { headers: { ...headers, ...own }, signal });
    if (response.ok) return response;
    await response.body?.cancel();
    if (response.status !== 401 || !again) throw new Error(`the registry answered ${response.status}`);
    this.authorization = await this.authorize(response.headers.get("www-authenticate") ?? "");
    return this.get(path, headers, false);
  }

  /** Answers the registry's challenge, with the credentials that `docker login` or `podman login` left, if any. */
  private async authorize(challenge: string): Promise<string> {
    const login = loginOf(this.host, this.access.environment);
    if (/^basic\b/i.test(challenge) && login !== undefined) return `Basic ${login}`;
    const {
      realm,
      service = "",
      scope = "",
    } = Object.fromEntries(
      [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]),
    );
    if (realm === undefined) throw new Error("the registry answered 401");
    const url = new URL(realm);
    if (service !== "") url.searchParams.set("service", service);
    if (scope !== "") url.searchParams.set("scope", scope);
    const { fetch, signal } = this.access;
    const headers: Record<string, string> = login === undefined ? {} : { authorization: `Basic ${login}` };
    const response = await fetch(url, { headers, signal });
    const answer: unknown = response.ok ? await response.json() : undefined;
    const token = isJsonObject(answer) ? (answer.token ?? answer.access_token) : undefined;
    if (typeof token !== "string") throw new Error(`the registry gave no token: ${response.status}`);
    return `Bearer ${token}`;
  }
}

function checkDigest(expected: string, hex: string): void {
  if (expected !== `sha256:${hex}`) throw new Error(`expected content with ${expected}, got sha256:${hex}`);
}

/** User name and password in base64, from the files that container engines keep logins in. */
function loginOf(host: string, env: RemoteAccess["environment"]): string | undefined {
  const files = [
    env.REGISTRY_AUTH_FILE,
    env.DOCKER_CONFIG === undefined ? undefined : join(env.DOCKER_CONFIG, "config.json"),
    join(homedir(), ".docker", "config.json"),
  ];
  for (const file of files) {
    if (file === undefined || !existsSync(file)) continue;
    const config: unknown = JSON.parse(readFileSync(file, "utf8"));
    const entry = isJsonObject(config) && isJsonObject(config.auths) ? config.auths[host] : undefined;
    if (isJsonObject(entry) && typeof entry.auth === "string") return entry.auth;
  }
  return undefined;
}

/** Takes the models out of a layer; a layer without any is no error. */
function extractModels(layer: string, place: string): Promise<void> {
  const args = ["-x", "-f", layer, "-C", place, "--no-same-owner", "--no-same-permissions"];
  const one = (member: string) =>
    new Promise<void>((resolve, reject) => {
      execFile("tar", [...args, member], (error, _, stderr) => {
        const empty = /not found in archive/i.test(stderr);
        if (error === null || empty) resolve();
        else reject(new Error(`a layer of the image can't be read: ${stderr.trim() || error.message}`));
      });
    });
  return one(MODELS).then(() => one(`./${MODELS}`));
}
