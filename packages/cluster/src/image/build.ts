/**
 * Measured images without a container engine: layers with the components, their environment and the runtime on top of a base
 * image, straight through the registry's API. The same inputs give the same digest.
 */
import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { canonicalJson, type Digest, isJsonObject, type JsonObject, SealflowError } from "@sealflow/core";
import type { PipelineDocument } from "@sealflow/pipeline";
import type { EnclaveSizing } from "../gramine/nodes.js";
import type { EnclaveSigner } from "../gramine/signer.js";
import { type BuiltLayer, type LayerEntry, writeLayer } from "../oci/layer.js";
import { parseImage, pinned } from "../oci/reference.js";
import { digestOfBytes, RegistryRepository, type StoredManifest } from "../oci/registry.js";
import type { RegistryAccess } from "../oci/transport.js";
import { type Descriptor, type Manifest, mediaTypes } from "../oci/types.js";
import { type AttachedDocuments, attachDocuments, type StatementSigner } from "./attach.js";
import { type BaseImage, readBase } from "./base.js";
import {
  type BakedComponent,
  bakeable,
  componentDigestOf,
  componentEntries,
  type LeftOut,
} from "./components.js";
import { type EnclaveFiles, enclaveFiles } from "./enclave.js";
import { environmentLock, installEnvironment, type RequirementsLock } from "./environment.js";
import { checkImageLock, type ImageLock } from "./lock.js";
import { runtimeDigestOf, runtimeEntries, SHIM } from "./runtime.js";
import { withRuntimePackages } from "./runtime-lock.js";
import { overlayEntries } from "./trusted.js";

/** What is built. */
export interface ImageBuildInput {
  readonly document: PipelineDocument;
  /** Texts of requirement locks by digest, as components name them. */
  readonly locks: Readonly<Record<string, string>>;
  /** One lock for all components, in place of those that they name. */
  readonly lock?: RequirementsLock;
  /** `NAME@sha256:DIGEST` */
  readonly base: string;
  /** `HOST/NAME`, or `HOST/NAME:TAG` for a tag beside the digest. Never `latest`. */
  readonly target: string;
  /** Directory with the Python package `sealflow`. */
  readonly pythonSources: string;
  /** Version of Sealflow, for the documents. */
  readonly version: string;
  /** Undefined: the enclave is simulated. */
  readonly enclave?: EnclaveInput;
  /** Signs the provenance; without it it is attached unsigned. */
  readonly statementSigner?: StatementSigner;
}

/** How the enclave is made. */
export interface EnclaveInput {
  readonly sizing: EnclaveSizing;
  readonly edmm?: boolean;
  readonly productId: number;
  readonly svn: number;
  readonly signer: EnclaveSigner;
}

/** The outside world. */
export interface ImageBuildTools {
  readonly access: RegistryAccess;
  readonly environment: Readonly<Partial<Record<string, string>>>;
  /** Interpreter with pip on this machine. */
  readonly python?: string;
  readonly progress?: (message: string) => void;
  readonly signal?: AbortSignal;
}

/** What was built and pushed. */
export interface BuiltImage {
  readonly lock: ImageLock;
  readonly leftOut: readonly LeftOut[];
  readonly documents: AttachedDocuments;
  /** The final manifest, which was measured; undefined for a simulated enclave. */
  readonly gramineManifest?: string;
  /** Bytes that were sent, and blobs that the registry had already. */
  readonly sent: number;
  readonly there: number;
}

/**
 * Builds and pushes an image.
 *
 * @throws SealflowError `CLUSTER_IMAGE_…`, `CLUSTER_BASE_UNFIT`, `CLUSTER_ENVIRONMENT_…`, `CLUSTER_REGISTRY_…`
 */
export async function buildImage(input: ImageBuildInput, tools: ImageBuildTools): Promise<BuiltImage> {
  const directory = mkdtempSync(join(tmpdir(), "sealflow-image-"));
  try {
    return await buildIn(directory, input, tools);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Contents {
  readonly components: readonly BakedComponent[];
  readonly leftOut: readonly LeftOut[];
  readonly lock: RequirementsLock;
  readonly runtime: Digest;
}

async function buildIn(
  directory: string,
  input: ImageBuildInput,
  tools: ImageBuildTools,
): Promise<BuiltImage> {
  const progress = tools.progress ?? (() => {});
  const target = parseImage(input.target);
  if (target.tag === "latest") throw latest(input.target);
  const contents = await contentsOf(input);
  const base = await readBase(input.base, tools.access, progress);
  progress(`installing ${contents.lock.packages.length} packages for Python ${base.pythonVersion}`);
  const environment = await installEnvironment(contents.lock, {
    directory: join(directory, "environment"),
    pythonVersion: base.pythonVersion,
    environment: tools.environment,
    ...(tools.python === undefined ? {} : { python: tools.python }),
    ...(tools.signal === undefined ? {} : { signal: tools.signal }),
  });
  const surroundings = { environment: contents.lock.digest, runtime: contents.runtime };
  const groups: (readonly LayerEntry[])[] = [
    environment,
    runtimeEntries(input.pythonSources, input.enclave === undefined),
    componentEntries(contents.components, surroundings),
  ];
  for (const entries of groups) overlayEntries(base.files, entries);
  const enclave = await measured(input, base, progress);
  if (enclave !== undefined) groups.push(enclave.entries);
  progress("writing layers");
  const layers: BuiltLayer[] = [];
  for (const [index, entries] of groups.filter((group) => group.length > 0).entries()) {
    layers.push(await writeLayer(entries, join(directory, `layer-${index}`), tools.signal));
  }
  const repository = new RegistryRepository(target, tools.access);
  const pushed = await push(
    { repository, base, layers, command: commandOf(base), tag: target.tag, directory },
    progress,
  );
  const image = pinned(target, pushed.manifest.digest);
  const components = contents.components.map((component) => ({
    executor: component.executor,
    container: component.container,
    component: componentDigestOf(component, surroundings),
  }));
  progress("attaching packages and provenance");
  const documents = await attachDocuments(
    repository,
    pushed.manifest,
    {
      name: `${target.host}/${target.name}`,
      digest: pushed.manifest.digest,
      base: base.reference,
      packages: contents.lock.packages,
      components,
      lock: contents.lock.digest,
      runtime: contents.runtime,
      created: createdOf(base.config),
      version: input.version,
    },
    { base: base.reference, simulated: input.enclave === undefined, ...(enclave?.parameters ?? {}) },
    input.statementSigner,
  );
  return {
    lock: lockOf(image, commandOf(base), enclave, components),
    leftOut: contents.leftOut,
    documents,
    ...(enclave === undefined ? {} : { gramineManifest: enclave.manifest }),
    sent: pushed.sent,
    there: pushed.there,
  };
}

async function contentsOf({ document, locks, lock, pythonSources }: ImageBuildInput): Promise<Contents> {
  const { components, leftOut } = await bakeable(document.spec);
  if (components.length === 0) {
    throw new SealflowError({
      code: "CLUSTER_IMAGE_EMPTY",
      message: `pipeline ${document.spec.pipelineInfo.name}: expected Python components, got none`,
    });
  }
  const own = environmentLock(components, locks, lock);
  return { components, leftOut, lock: withRuntimePackages(own), runtime: runtimeDigestOf(pythonSources) };
}

async function measured(
  { enclave }: ImageBuildInput,
  base: BaseImage,
  progress: (message: string) => void,
): Promise<EnclaveFiles | undefined> {
  if (enclave === undefined) return undefined;
  progress("measuring the enclave");
  const date = new Date(createdOf(base.config));
  return enclaveFiles({ ...enclave, date }, base);
}

/** The program of the pod: Python without the user's settings, and the shim. */
function commandOf({ python }: BaseImage): readonly string[] {
  return [python, "-I", "-B", SHIM];
}

function createdOf(config: JsonObject): string {
  const created = typeof config.created === "string" ? new Date(config.created) : new Date(0);
  return `${(Number.isNaN(created.getTime()) ? new Date(0) : created).toISOString().slice(0, 19)}Z`;
}

function latest(target: string): SealflowError {
  return new SealflowError({
    code: "CLUSTER_IMAGE_UNPINNED",
    message: `target: expected a name, or a name with a tag of its own, got ${target}`,
    hint: "latest is another image tomorrow; the digest that is printed is not",
  });
}

interface PushInput {
  readonly repository: RegistryRepository;
  readonly base: Pick<BaseImage, "reference" | "repository" | "manifest" | "config">;
  readonly layers: readonly BuiltLayer[];
  readonly command: readonly string[];
  readonly tag: string | undefined;
  /** Scratch. */
  readonly directory: string;
}

interface Pushed {
  readonly manifest: StoredManifest;
  readonly sent: number;
  readonly there: number;
}

/** Pushes a base image's layers, more layers on top of them, and the image that they make. */
export async function push(
  { repository, base, layers, command, tag, directory }: PushInput,
  progress: (message: string) => void,
): Promise<Pushed> {
  const counted = { sent: 0, there: 0 };
  const count = (size: number, how: "there" | "mounted" | "sent") => {
    if (how === "sent") counted.sent += size;
    else counted.there += 1;
  };
  const before = base.manifest.manifest.layers ?? [];
  for (const layer of before) {
    progress(`pushing ${layer.digest.slice(0, 19)} of the base image`);
    count(layer.size, await carry(layer, base.repository, repository, directory));
  }
  for (const { descriptor, file } of layers) {
    progress(`pushing ${descriptor.digest.slice(0, 19)}, ${Math.ceil(descriptor.size / 1024)} KiB`);
    count(descriptor.size, await repository.upload({ descriptor, content: { file } }));
  }
  const config = Uint8Array.from(Buffer.from(canonicalJson(configOf(base.config, layers, command))));
  const configDescriptor: Descriptor = {
    mediaType: mediaTypes.config,
    digest: digestOfBytes(config),
    size: config.length,
  };
  count(config.length, await repository.upload({ descriptor: configDescriptor, content: config }));
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifests.oci,
    config: configDescriptor,
    layers: [...before.map(ociLayer), ...layers.map(({ descriptor }) => descriptor)],
    annotations: {
      "org.opencontainers.image.base.digest": base.manifest.digest,
      "org.opencontainers.image.base.name": base.reference,
    },
  };
  return { manifest: await repository.put(manifest, tag), ...counted };
}

/** A layer of the base image in the target's repository: there already, lent within the registry, or copied. */
async function carry(
  layer: Descriptor,
  from: RegistryRepository,
  to: RegistryRepository,
  directory: string,
): Promise<"there" | "mounted" | "sent"> {
  const same = from.repository.host === to.repository.host;
  if (await to.has(layer.digest)) return "there";
  const lenders = same ? [from.repository.name] : [];
  if (await to.borrow(layer.digest, lenders)) return "mounted";
  const file = join(directory, "carried");
  await pipeline(await from.blob(layer), createWriteStream(file));
  return to.upload({ descriptor: layer, content: { file } });
}

/** Docker's name of a layer's type, as OCI calls it: the bytes are the same. */
function ociLayer({ mediaType, digest, size }: Descriptor): Descriptor {
  const docker = mediaType === "application/vnd.docker.image.rootfs.diff.tar.gzip";
  return { mediaType: docker ? mediaTypes.layer : mediaType, digest, size };
}

function configOf(base: JsonObject, layers: readonly BuiltLayer[], command: readonly string[]): JsonObject {
  const settings = isJsonObject(base.config) ? base.config : {};
  const rootfs = isJsonObject(base.rootfs) ? base.rootfs : {};
  const diffs = Array.isArray(rootfs.diff_ids) ? rootfs.diff_ids : [];
  const history = Array.isArray(base.history) ? base.history : [];
  const created = createdOf(base);
  return {
    architecture: "amd64",
    os: "linux",
    created,
    config: {
      ...(Array.isArray(settings.Env) ? { Env: settings.Env } : {}),
      Entrypoint: [...command],
      WorkingDir: "/",
    },
    rootfs: { type: "layers", diff_ids: [...diffs, ...layers.map(({ diffId }) => diffId)] },
    history: [...history, ...layers.map(() => ({ created, created_by: "sealflow image build" }))],
  };
}

function lockOf(
  image: string,
  command: readonly string[],
  enclave: EnclaveFiles | undefined,
  components: readonly {
    readonly executor: string;
    readonly container: Digest;
    readonly component: Digest;
  }[],
): ImageLock {
  return checkImageLock({
    version: "sealflow.image/v1",
    image,
    command,
    enclave: enclave === undefined ? null : enclave.identity,
    epc: enclave?.epc ?? 0,
    executors: Object.fromEntries(
      components.map(({ executor, container, component }) => [executor, { container, component }]),
    ),
  });
}
