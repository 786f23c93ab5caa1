/** Flags to the objects of an installation. */
import { isIPv4, isIPv6 } from "node:net";
import { resolve } from "node:path";
import {
  apiServerAddresses,
  type Credentials,
  checkDigest,
  credentialsOf,
  fetchRelease,
  fitsPassword,
  hashPassword,
  type KubeClient,
  type KubeObject,
  keptPasswordHash,
  newPassword,
  type Overlaid,
  objectsDigest,
  overlayManifests,
  readManifests,
  releases,
} from "@sealflow/cluster";
import { isJsonObject, SealflowError } from "@sealflow/core";
import type { CliContext } from "../context.js";
import { readUserFile } from "../load/read-file.js";
import type { ManifestFlags } from "../routes/cluster.js";

/** What is to be installed. */
export interface Prepared extends Overlaid {
  readonly version: string;
  /** Of the manifests as they come. */
  readonly digest: string;
  /** A generated password, to be shown once; undefined when one was given or none is needed. */
  readonly password?: string;
}

/** What the cluster knows and the manifests do not. */
export interface LiveFacts {
  readonly credentials: Credentials;
  /** Where the API server is, as pods reach it. */
  readonly apiServer?: Awaited<ReturnType<typeof apiServerAddresses>>;
  /** Of the first user's password, where one was set before. */
  readonly dexPasswordHash?: string;
}

/** Asks the cluster for them. */
export async function liveFacts(client: KubeClient): Promise<LiveFacts> {
  const dexPasswordHash = await keptPasswordHash(client);
  return {
    credentials: await credentialsOf(client, "kubeflow"),
    apiServer: await apiServerAddresses(client),
    ...(dexPasswordHash === undefined ? {} : { dexPasswordHash }),
  };
}

/** Reads or fetches the manifests and applies the overlay. */
export async function prepare(
  context: CliContext,
  flags: ManifestFlags,
  { signal, ...live }: LiveFacts & { readonly signal?: AbortSignal },
): Promise<Prepared> {
  checkFlags(flags);
  const egress = (flags.allowEgress ?? []).map(readEgress);
  const objects = await manifestsOf(context, flags, signal);
  const login = await loginOf(context, flags, { objects, kept: live.dexPasswordHash });
  const images = flags.images === undefined ? undefined : await readImages(context, flags.images);
  const overlaid = overlayManifests(objects, {
    ...live,
    egress,
    loadBalancer: flags.loadBalancer,
    ...(images === undefined ? {} : { images }),
    ...(flags.registry === undefined ? {} : { registry: flags.registry }),
    ...(login === undefined ? {} : { dexPasswordHash: login.hash }),
    ...(flags.tlsSecret === undefined
      ? {}
      : {
          tls: {
            secret: flags.tlsSecret,
            hosts: flags.tlsHost ?? [],
            ...(flags.tlsIssuer === undefined ? {} : { issuer: flags.tlsIssuer }),
          },
        }),
  });
  const { version } = releases[flags.profile];
  return {
    ...overlaid,
    ...{ version, digest: objectsDigest(objects) },
    ...(login?.generated === undefined ? {} : { password: login.generated }),
  };
}

async function manifestsOf(
  context: CliContext,
  flags: ManifestFlags,
  signal: AbortSignal | undefined,
): Promise<KubeObject[]> {
  const aborts = signal === undefined ? {} : { signal };
  const { manifests, mirror, digest } = flags;
  if (manifests === undefined) {
    return fetchRelease(releases[flags.profile], {
      ...{ fetch, ...aborts },
      ...(mirror === undefined ? {} : { mirror }),
      ...(digest === undefined ? {} : { digest }),
    });
  }
  const objects = await readManifests(
    manifests.map((path) => resolve(context.cwd, path)),
    aborts,
  );
  if (digest !== undefined) checkDigest(objects, digest);
  return objects;
}

/** Hash of the first user's password: the one that is set stays, unless another one is given. */
async function loginOf(
  context: CliContext,
  { passwordFile }: ManifestFlags,
  { objects, kept }: { readonly objects: readonly KubeObject[]; readonly kept: string | undefined },
): Promise<{ readonly hash: string; readonly generated?: string } | undefined> {
  if (!objects.some(({ kind, metadata }) => kind === "Secret" && metadata.name === "dex-passwords")) {
    if (passwordFile === undefined) return undefined;
    throw usage("--password-file: expected manifests with a login (--profile kubeflow), got none with Dex");
  }
  if (passwordFile === undefined) {
    if (kept !== undefined) return { hash: kept };
    const generated = newPassword();
    return { hash: await hashPassword(generated), generated };
  }
  const text = (await readUserFile(resolve(context.cwd, passwordFile), passwordFile)).trim();
  if (text.length < 12) throw usage("--password-file: expected a password of at least 12 characters");
  // A hash of the same password is another one each time.
  if (kept !== undefined && (await fitsPassword(text, kept))) return { hash: kept };
  return { hash: await hashPassword(text) };
}

async function readImages(context: CliContext, file: string): Promise<Record<string, string>> {
  const value = parsed(await readUserFile(resolve(context.cwd, file), file));
  const entries = isJsonObject(value) ? Object.entries(value) : [];
  const wrong = entries.find(([, digest]) => !/^sha256:[0-9a-f]{64}$/.test(String(digest)));
  if (!isJsonObject(value) || wrong !== undefined)
    throw usage(`${file}: expected {"IMAGE:TAG": "sha256:…"}, got ${wrong?.[0] ?? "something else"}`);
  return value as Record<string, string>;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readEgress(text: string): { cidr: string; port: number } {
  const [, address = "", length, port = ""] = /^\[?([0-9a-f.:]+?)\]?(?:\/(\d+))?:(\d+)$/i.exec(text) ?? [];
  const longest = isIPv4(address) ? 32 : isIPv6(address) ? 128 : undefined;
  const prefix = Number(length ?? longest);
  if (longest === undefined || prefix > longest || Number(port) < 1 || Number(port) > 65_535)
    throw usage(`--allow-egress: expected CIDR:PORT such as 203.0.113.7/32:8443, got ${text}`);
  return { cidr: `${address}/${prefix}`, port: Number(port) };
}

/** A host, a port, and a path, as image names begin. */
const registryName = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?(\/[a-z0-9._-]+)*$/;

function checkFlags({ loadBalancer, tlsSecret, tlsIssuer, tlsHost = [], registry }: ManifestFlags): void {
  if (registry !== undefined && !registryName.test(registry))
    throw usage(`--registry: expected HOST, HOST:PORT or HOST/PATH in lower case, got ${registry}`);
  if (loadBalancer && tlsSecret === undefined)
    throw usage("--load-balancer: expected --tls-secret beside it: a gateway without TLS is not exposed");
  if (tlsIssuer !== undefined && (tlsSecret === undefined || tlsHost.length === 0))
    throw usage("--tls-issuer: expected --tls-secret and at least one --tls-host beside it");
}

function usage(message: string): SealflowError {
  return new SealflowError({ code: "CLI_CLUSTER_FLAGS", message });
}
