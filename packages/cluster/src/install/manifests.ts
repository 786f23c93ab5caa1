/** The objects of an installation: from files, a kustomization, or an archive at a pinned version. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { canonicalJson, type Fetch, isJsonObject, type JsonValue, SealflowError } from "@sealflow/core";
import { parseAllDocuments } from "yaml";
import { describeObject, type KubeObject } from "../kube/objects.js";

const run = promisify(execFile);

/** What is installed. */
export type Profile = "pipelines" | "kubeflow";

/** Where an installation's objects come from, in the order in which they are applied. */
export interface ManifestSource {
  readonly version: string;
  /** Files with objects, or directories with a kustomization. */
  readonly paths: readonly string[];
}

/** A pinned release. The digest is of the rendered objects, so that it holds however the archive travelled. */
export interface Release {
  readonly version: string;
  readonly archive: string;
  /** Kustomizations in the archive, in order. */
  readonly kustomizations: readonly string[];
  /** Further sources of a kustomization that are taken from elsewhere than it says. */
  readonly instead?: readonly Instead[];
  /** `sha256:…` of the objects; see `objectsDigest`. Absent where none was established. */
  readonly digest?: string;
  /** What the release runs on. */
  readonly kubernetes: { readonly from: string; readonly to: string };
}

/** A source that a file of the archive names, and the one that is taken in its place. */
export interface Instead {
  readonly file: string;
  readonly of: string;
  readonly take: string;
}

/** The releases that this version installs. */
export const releases: Readonly<Record<Profile, Release>> = {
  pipelines: {
    version: "2.17.0",
    archive: "https://github.com/kubeflow/pipelines/archive/refs/tags/2.17.0.tar.gz",
    kustomizations: [
      "manifests/kustomize/cluster-scoped-resources",
      "manifests/kustomize/env/platform-agnostic",
    ],
    digest: "sha256:f79d876e848db3c73a9ab8884adff6a29f84215b06d705ef3e579940e5a381b2",
    kubernetes: { from: "1.29", to: "1.37" },
  },
  kubeflow: {
    version: "26.03",
    // The commit of the tag 26.03.
    archive:
      "https://github.com/kubeflow/community-distribution/archive/d68ebc7fab366ab40ddd1541d2ec22febb31bc83.tar.gz",
    kustomizations: ["example"],
    // A file of a release page can be another one tomorrow, as that of JobSet 0.11.1 was: what it is made from can not.
    instead: [
      {
        file: "applications/trainer/upstream/third-party/jobset/kustomization.yaml",
        of: "https://github.com/kubernetes-sigs/jobset/releases/download/v0.10.1/manifests.yaml",
        take: "https://github.com/kubernetes-sigs/jobset//config/default?ref=v0.10.1",
      },
    ],
    digest: "sha256:23df6ed005fe769e9f090ef805461a1ac449ea69bb6981cb87a392f99f2f27e0",
    kubernetes: { from: "1.33", to: "1.37" },
  },
};

/**
 * Reads objects from files; directories are rendered.
 *
 * @throws SealflowError `CLUSTER_MANIFESTS_INVALID`, `CLUSTER_KUSTOMIZE_MISSING`, `CLUSTER_KUSTOMIZE_FAILED`
 */
export async function readManifests(
  paths: readonly string[],
  options: { readonly signal?: AbortSignal } = {},
): Promise<KubeObject[]> {
  const objects: KubeObject[] = [];
  for (const path of paths) {
    if (!existsSync(path)) throw invalid(`${path}: expected a file or directory, got nothing`);
    const text = statSync(path).isDirectory() ? await textOf(path, options) : readFileSync(path, "utf8");
    const found = parseObjects(text, path);
    if (found.length === 0) throw invalid(`${path}: expected Kubernetes objects, got none`);
    objects.push(...found);
  }
  return objects;
}

async function textOf(directory: string, options: { readonly signal?: AbortSignal }): Promise<string> {
  const kustomized = ["kustomization.yaml", "kustomization.yml", "Kustomization"].some((name) =>
    existsSync(join(directory, name)),
  );
  if (kustomized) return kustomize(directory, options);
  const files = readdirSync(directory).filter((name) => /\.ya?ml$/.test(name));
  return files
    .sort()
    .map((name) => readFileSync(join(directory, name), "utf8"))
    .join("\n---\n");
}

/**
 * Objects of a stream of YAML documents. Texts of secrets become their encoded form, as the cluster keeps them.
 *
 * @throws SealflowError `CLUSTER_MANIFESTS_INVALID`
 */
export function parseObjects(text: string, file: string): KubeObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw invalid(`${file}: ${error.message.split("\n")[0]}`);
    const value: unknown = document.toJS();
    if (value === null || value === undefined) return [];
    if (!isJsonObject(value) || typeof value.kind !== "string" || typeof value.apiVersion !== "string")
      throw invalid(`${file}: expected Kubernetes objects with apiVersion and kind`);
    const list = value.kind === "List" && Array.isArray(value.items) ? value.items : [value];
    return list.map((each) => encoded(named(each as unknown as KubeObject, file)));
  });
}

function named(object: KubeObject, file: string): KubeObject {
  if (typeof object.metadata?.name === "string" && object.metadata.name !== "") return object;
  throw invalid(`${file}: expected a name of the ${object.kind}, got none`);
}

function encoded(object: KubeObject): KubeObject {
  const { stringData, data, ...rest } = object;
  if (object.kind !== "Secret" || !isJsonObject(stringData)) return object;
  const texts = Object.entries(stringData).map(([key, value]) => [
    key,
    Buffer.from(String(value)).toString("base64"),
  ]);
  return {
    ...rest,
    data: { ...(isJsonObject(data) ? data : {}), ...Object.fromEntries(texts) },
  } as KubeObject;
}

/** SHA-256 over the canonical form of all objects, in the order of their names: independent of who rendered them. */
export function objectsDigest(objects: readonly KubeObject[]): string {
  const sorted = [...objects].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const hash = createHash("sha256");
  for (const object of sorted) hash.update(`${canonicalJson(object as unknown as JsonValue)}\n`);
  return `sha256:${hash.digest("hex")}`;
}

function keyOf(object: KubeObject): string {
  return `${object.apiVersion} ${describeObject(object)}`;
}

/** How a release is fetched. */
export interface FetchOptions {
  /** Address of a copy of the archive. Default: the release's own. */
  readonly mirror?: string;
  readonly fetch: Fetch;
  /** Of the rendered objects, in place of the release's. */
  readonly digest?: string;
  readonly signal?: AbortSignal;
}

/**
 * Fetches a release's archive (from a mirror, if given), renders it, and checks that it is what was pinned.
 *
 * @throws SealflowError `CLUSTER_MANIFESTS_UNREACHABLE`, `CLUSTER_MANIFESTS_DIGEST`, `CLUSTER_KUSTOMIZE_…`
 */
export async function fetchRelease(
  release: Release,
  { mirror, fetch, digest, signal }: FetchOptions,
): Promise<KubeObject[]> {
  const expected = digest ?? release.digest;
  if (expected === undefined) throw unpinned(release);
  const directory = mkdtempSync(join(tmpdir(), "sealflow-manifests-"));
  try {
    const archive = join(directory, "archive.tar.gz");
    writeFileSync(archive, await download(mirror ?? release.archive, fetch, signal));
    await run("tar", ["-xzf", archive, "-C", directory, "--strip-components=1", "--no-same-owner"]);
    for (const each of release.instead ?? []) takeInstead(directory, each);
    const rendered = release.kustomizations.map((path) => join(directory, path));
    const objects = await readManifests(rendered, signal === undefined ? {} : { signal });
    checkDigest(objects, expected);
    return objects;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** An archive in which the source is not named is judged by what it renders to. */
function takeInstead(directory: string, { file, of, take }: Instead): void {
  const path = join(directory, file);
  if (existsSync(path)) writeFileSync(path, readFileSync(path, "utf8").replaceAll(of, take));
}

/** @throws SealflowError `CLUSTER_MANIFESTS_DIGEST` */
export function checkDigest(objects: readonly KubeObject[], expected: string): void {
  const actual = objectsDigest(objects);
  if (actual === expected) return;
  throw new SealflowError({
    code: "CLUSTER_MANIFESTS_DIGEST",
    message: `manifests: expected objects with ${expected}, got ${actual}`,
    hint: "These are not the manifests of the pinned release. If they are meant, give their digest with --digest.",
  });
}

async function download(url: string, fetch: Fetch, signal: AbortSignal | undefined): Promise<Uint8Array> {
  try {
    const answer = await fetch(url, signal === undefined ? {} : { signal });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    return new Uint8Array(await answer.arrayBuffer());
  } catch (cause) {
    signal?.throwIfAborted();
    const message = reasonOf(cause);
    throw new SealflowError({
      code: "CLUSTER_MANIFESTS_UNREACHABLE",
      message: `${url}: expected the release's archive, got ${message}`,
      hint: "Without a way to the internet give --manifests PATH, or --mirror URL of a copy of the archive.",
      cause,
    });
  }
}

/** `fetch failed` has its reason as its cause. */
function reasonOf(error: unknown): string {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return inner instanceof Error ? inner.message || inner.name : String(inner);
}

/** Programs that render, with what they are asked and the oldest version of kustomize that will do. */
const renderers: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ["kustomize", ["version"], ["build"]],
  ["kubectl", ["version", "--client"], ["kustomize"]],
];

async function kustomize(directory: string, options: { readonly signal?: AbortSignal }): Promise<string> {
  const tried: string[] = [];
  for (const [program, version, build] of renderers) {
    const found = await run(program, [...version]).catch(() => undefined);
    const number = /v?(\d+)\.(\d+)\.\d+/.exec(found?.stdout.split(/kustomize/i).at(-1) ?? "");
    if (found === undefined) continue;
    if (Number(number?.[1] ?? 0) < 5) {
      tried.push(`${program} with kustomize ${number?.[0] ?? "of unknown version"}`);
      continue;
    }
    try {
      const { stdout } = await run(program, [...build, directory], { maxBuffer: 1 << 28, ...options });
      return stdout;
    } catch (cause) {
      options.signal?.throwIfAborted();
      const { stderr = "" } = cause as { stderr?: string };
      throw notRendered(`${program} ${build.join(" ")} ${directory}`, stderr, cause);
    }
  }
  throw new SealflowError({
    code: "CLUSTER_KUSTOMIZE_MISSING",
    message: `expected kustomize 5 or kubectl on PATH, got ${tried.join(", ") || "neither"}`,
    hint: "Install one of them, or render elsewhere and give the file with --manifests.",
  });
}

/** Kustomize names what it could not get last, behind every directory on the way there. */
function notRendered(command: string, stderr: string, cause: unknown): SealflowError {
  const remote = [...stderr.matchAll(/from '(https?:[^\s']+)'/g)].at(-1)?.[1];
  const words = stderr.split("\n").filter((line) => /[a-z]/i.test(line) && !line.startsWith("#"));
  const reason =
    remote === undefined
      ? (words.at(-1)?.trim() ?? "failed")
      : `expected ${remote}, which it is made of, got no answer`;
  return new SealflowError({
    code: "CLUSTER_KUSTOMIZE_FAILED",
    message: `${command}: ${reason.slice(-500)}`,
    ...(remote === undefined
      ? {}
      : {
          hint: `Render it where that can be reached (${command} > kubeflow.yaml), and give --manifests kubeflow.yaml.`,
        }),
    cause,
  });
}

function invalid(message: string): SealflowError {
  return new SealflowError({ code: "CLUSTER_MANIFESTS_INVALID", message: `manifests: ${message}` });
}

function unpinned({ version, archive }: Release): SealflowError {
  return new SealflowError({
    code: "CLUSTER_MANIFESTS_UNPINNED",
    message: `Kubeflow ${version}: expected a digest of its rendered manifests, got none`,
    hint: `Get ${archive}, look at it, and give --manifests PATH, or --digest with what \`sealflow cluster install --plan\` prints for it.`,
  });
}
