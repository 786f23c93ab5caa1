/** What an image builds on: a base image with Python, and Gramine in it unless the enclave is simulated. */
import { posix } from "node:path";
import { type JsonObject, SealflowError } from "@sealflow/core";
import { ImageFileSystem } from "../oci/file-system.js";
import { parsePinnedImage } from "../oci/reference.js";
import { RegistryRepository, type StoredManifest } from "../oci/registry.js";
import type { RegistryAccess } from "../oci/transport.js";

/** Gramine's parts in an image. */
export interface GramineParts {
  readonly libos: { readonly path: string; readonly sha256: string };
  readonly libpal: Uint8Array;
  /** Directory of Gramine's own C library. */
  readonly runtimeDirectory: string;
}

/** A base image, read from its registry. */
export interface BaseImage {
  /** As it was given: by digest. */
  readonly reference: string;
  readonly repository: RegistryRepository;
  /** Of the image for Linux on AMD64. */
  readonly manifest: StoredManifest;
  readonly config: JsonObject;
  readonly files: ImageFileSystem;
  /** Absolute path of the interpreter, links resolved. */
  readonly python: string;
  /** `3.11` */
  readonly pythonVersion: string;
  readonly gramine?: GramineParts;
}

const LIBPAL = /\/gramine\/sgx\/libpal\.so$/;

/**
 * Reads a base image: its files with their hashes, its Python, its Gramine.
 *
 * @throws SealflowError `CLUSTER_IMAGE_UNPINNED`, `CLUSTER_REGISTRY_…`, `CLUSTER_BASE_UNFIT`
 */
export async function readBase(
  reference: string,
  access: RegistryAccess,
  progress: (message: string) => void = () => {},
): Promise<BaseImage> {
  const parsed = parsePinnedImage(reference, "base image");
  const repository = new RegistryRepository(parsed, access);
  const manifest = await repository.image(parsed.digest);
  const { layers = [], config } = manifest.manifest;
  if (config === undefined) throw unfit(reference, "an image with a configuration, got an artifact");
  const files = new ImageFileSystem((path) => LIBPAL.test(path));
  for (const [index, layer] of layers.entries()) {
    progress(`reading layer ${index + 1} of ${layers.length} of the base image`);
    await files.apply(await repository.blob(layer), layer.mediaType);
  }
  const gramine = gramineIn(files);
  return {
    reference,
    repository,
    manifest,
    config: await repository.json(config),
    files,
    ...pythonIn(files, reference),
    ...(gramine === undefined ? {} : { gramine }),
  };
}

function pythonIn(files: ImageFileSystem, reference: string) {
  for (const path of ["/usr/local/bin/python3", "/usr/bin/python3", "/opt/venv/bin/python3"]) {
    const python = files.resolve(path);
    const [, version] = /\/python(3\.\d+)$/.exec(python ?? "") ?? [];
    if (python !== undefined && version !== undefined) return { python, pythonVersion: version };
  }
  throw unfit(reference, "Python as /usr/local/bin/python3 or /usr/bin/python3, got none");
}

function unfit(reference: string, expected: string): SealflowError {
  return new SealflowError({
    code: "CLUSTER_BASE_UNFIT",
    message: `base image ${reference}: expected ${expected}`,
  });
}

function gramineIn(files: ImageFileSystem): GramineParts | undefined {
  const libpalPath = files.paths().find((path) => LIBPAL.test(path));
  if (libpalPath === undefined) return undefined;
  const directory = posix.dirname(posix.dirname(libpalPath));
  const libos = `${directory}/libsysdb.so`;
  const node = files.node(libos);
  const libpal = files.content(libpalPath);
  if (node?.kind !== "file" || libpal === undefined) return undefined;
  return {
    libos: { path: libos, sha256: node.sha256 },
    libpal,
    runtimeDirectory: `${directory}/runtime/glibc`,
  };
}
