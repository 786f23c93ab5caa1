/**
 * Building an image with ACR Tasks, as `az acr build` does. Source: Microsoft.ContainerRegistry, API version
 * 2019-06-01-preview: listBuildSourceUploadUrl, scheduleRun, runs, listLogSasUrl.
 */
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Digest,
  type Fetch,
  isDigest,
  isJsonObject,
  type JsonObject,
  SealflowError,
} from "@sealflow/core";

/** A registry as Azure's resource manager knows it. */
export interface AcrResource {
  readonly subscription: string;
  readonly resourceGroup: string;
  /** Name of the registry, without `.azurecr.io`. */
  readonly registry: string;
}

/** What a build needs. */
export interface AcrBuild {
  readonly acr: AcrResource;
  /** `NAME:TAG` in the registry. */
  readonly image: string;
  /** Gzipped tar archive with the Dockerfile. */
  readonly context: Uint8Array<ArrayBuffer>;
  /** Path of the Dockerfile in it. */
  readonly dockerfile: string;
}

/** The outside world. */
export interface AcrAccess {
  readonly fetch: Fetch;
  /** A bearer token of the resource manager: scope `https://management.azure.com/.default`. */
  readonly token: (scope: string) => Promise<string>;
  readonly progress?: (message: string) => void;
  readonly signal?: AbortSignal;
  /** Between two looks at the run. Default 3000. */
  readonly pollMs?: number;
}

const API = "2019-06-01-preview";
const MANAGEMENT = "https://management.azure.com";
/** Longest time for a build, in seconds: ACR's own default. */
const TIMEOUT = 3600;

/**
 * Builds and pushes; gives the image's digest.
 *
 * @throws SealflowError `CLUSTER_ACR_REFUSED`, `CLUSTER_ACR_BUILD_FAILED`
 */
export async function acrBuild(build: AcrBuild, access: AcrAccess): Promise<Digest> {
  const progress = access.progress ?? (() => {});
  const source = await call("listBuildSourceUploadUrl", undefined, build, access);
  const [url, location] = [text(source.uploadUrl), text(source.relativePath)];
  progress(`uploading ${Math.ceil(build.context.length / 1024)} KiB of build context`);
  const uploaded = await access.fetch(url, {
    method: "PUT",
    headers: { "x-ms-blob-type": "BlockBlob", "content-type": "application/octet-stream" },
    body: build.context,
  });
  if (!uploaded.ok) throw refused("the build context", uploaded.status, "");
  const run = await call("scheduleRun", runRequest(build, location), build, access);
  const id = text(properties(run).runId ?? run.name);
  progress(`run ${id} is scheduled`);
  return finished(id, build, access);
}

function runRequest({ image, dockerfile }: AcrBuild, sourceLocation: string): JsonObject {
  return {
    type: "DockerBuildRequest",
    imageNames: [image],
    isPushEnabled: true,
    noCache: true,
    sourceLocation,
    dockerFilePath: dockerfile,
    platform: { os: "Linux", architecture: "amd64" },
    timeout: TIMEOUT,
  };
}

async function finished(id: string, build: AcrBuild, access: AcrAccess): Promise<Digest> {
  let last = "";
  for (;;) {
    const run = properties(await call(`runs/${id}`, null, build, access));
    const status = text(run.status);
    if (status !== last) access.progress?.(`run ${id}: ${status}`);
    last = status;
    if (status === "Succeeded") return digestOf(run, id);
    if (["Failed", "Canceled", "Error", "Timeout"].includes(status))
      throw await failed(id, status, build, access);
    const { signal } = access;
    await sleep(access.pollMs ?? 3000, undefined, signal === undefined ? {} : { signal });
  }
}

function digestOf(run: JsonObject, id: string): Digest {
  const [image] = Array.isArray(run.outputImages) ? run.outputImages : [];
  const digest = isJsonObject(image) ? image.digest : undefined;
  if (typeof digest === "string" && isDigest(digest)) return digest;
  throw buildFailed(id, "an image with a digest", "none");
}

async function failed(
  id: string,
  status: string,
  build: AcrBuild,
  access: AcrAccess,
): Promise<SealflowError> {
  const log = await call(`runs/${id}/listLogSasUrl`, undefined, build, access)
    .then(async ({ logLink }) => (await access.fetch(text(logLink))).text())
    .catch(() => "");
  const tail = log.trim().split("\n").slice(-5).join("\n");
  return buildFailed(id, "success", `${status}${tail === "" ? "" : `:\n${tail}`}`);
}

function buildFailed(id: string, expected: string, got: string): SealflowError {
  return new SealflowError({
    code: "CLUSTER_ACR_BUILD_FAILED",
    message: `run ${id}: expected ${expected}, got ${got}`,
    hint: `az acr task logs --run-id ${id}`,
  });
}

/** One call; `null` reads, everything else is sent. */
async function call(
  operation: string,
  body: JsonObject | null | undefined,
  { acr }: AcrBuild,
  access: AcrAccess,
): Promise<JsonObject> {
  const { subscription, resourceGroup, registry } = acr;
  const place = [
    ...["subscriptions", subscription, "resourceGroups", resourceGroup],
    ...["providers", "Microsoft.ContainerRegistry", "registries", registry],
  ].map(encodeURIComponent);
  const url = `${MANAGEMENT}/${place.join("/")}/${operation}?api-version=${API}`;
  const headers = {
    authorization: `Bearer ${await access.token(`${MANAGEMENT}/.default`)}`,
    "content-type": "application/json",
  };
  const response = await access.fetch(url, {
    method: body === null ? "GET" : "POST",
    headers,
    ...(body === null ? {} : { body: JSON.stringify(body ?? {}) }),
    ...(access.signal === undefined ? {} : { signal: access.signal }),
  });
  const answer: unknown = await response.json().catch(() => undefined);
  if (response.ok && isJsonObject(answer)) return answer;
  const error = isJsonObject(answer) && isJsonObject(answer.error) ? answer.error : {};
  throw refused(operation, response.status, [error.code, error.message].filter(Boolean).join(" "));
}

function refused(what: string, status: number, detail: string): SealflowError {
  return new SealflowError({
    code: "CLUSTER_ACR_REFUSED",
    message: `ACR Tasks: ${what}: expected success, got ${status}${detail === "" ? "" : ` ${detail}`}`,
    hint: "the identity needs the role Contributor, or Container Registry Tasks Contributor, on the registry",
  });
}

function properties(run: JsonObject): JsonObject {
  return isJsonObject(run.properties) ? run.properties : {};
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
