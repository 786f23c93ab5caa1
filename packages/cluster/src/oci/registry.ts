/** A repository of a registry. Source: OCI distribution specification 1.1. */
import { createHash } from "node:crypto";
import { openAsBlob } from "node:fs";
import { Readable, Transform } from "node:stream";
import { type Digest, isDigest, isJsonObject, type JsonObject, SealflowError } from "@sealflow/core";
import type { Repository } from "./reference.js";
import { type RegistryAccess, RegistryTransport } from "./transport.js";
import { type Descriptor, type Manifest, mediaTypes, readManifest } from "./types.js";

/** Content with its name: bytes in memory, or a file. */
export interface BlobContent {
  readonly descriptor: Descriptor;
  readonly content: Uint8Array<ArrayBuffer> | { readonly file: string };
}

/** A manifest as it is stored, byte for byte. */
export interface StoredManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly manifest: Manifest;
}

/** Largest manifest that is read: what registries take, and some room. */
const MOST_MANIFEST = 8 * 2 ** 20;

/** One repository. Everything that is read is held against its digest. */
export class RegistryRepository {
  readonly repository: Repository;
  private readonly transport: RegistryTransport;
  private readonly base: string;
  private readonly pull: string;
  private readonly push: string;

  constructor(repository: Repository, access: RegistryAccess) {
    this.repository = repository;
    this.transport = new RegistryTransport(repository.host, access);
    this.base = `/v2/${repository.name}`;
    this.pull = `repository:${repository.name}:pull`;
    this.push = `repository:${repository.name}:pull,push`;
  }

  /**
   * A manifest by digest or tag.
   *
   * @throws SealflowError `CLUSTER_REGISTRY_…`, `CLUSTER_IMAGE_MISSING`, `CLUSTER_DIGEST_MISMATCH`
   */
  async manifest(reference: string): Promise<StoredManifest> {
    const response = await this.transport.send({
      method: "GET",
      url: `${this.base}/manifests/${reference}`,
      headers: { accept: Object.values(mediaTypes.manifests).join(", ") },
      expected: [404],
      what: `the manifest ${reference}`,
      scope: this.pull,
    });
    if (response.status === 404) {
      await response.body?.cancel();
      throw this.missing(reference);
    }
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (bytes.length > MOST_MANIFEST) throw this.mismatch(reference, `${bytes.length} bytes`);
    const digest = digestOfBytes(bytes);
    if (isDigest(reference) && reference !== digest) throw this.mismatch(reference, digest);
    const manifest = readManifest(bytes, reference);
    const mediaType = manifest.mediaType ?? response.headers.get("content-type") ?? mediaTypes.manifests.oci;
    return { digest, mediaType, bytes, manifest };
  }

  /** The image for Linux on AMD64: of an index, the manifest that it names. */
  async image(reference: string): Promise<StoredManifest> {
    const stored = await this.manifest(reference);
    const { manifests } = stored.manifest;
    if (manifests === undefined) return stored;
    const fitting = manifests.find(
      ({ platform }) => platform?.architecture === "amd64" && platform.os === "linux",
    );
    if (fitting === undefined) throw this.missing(`${reference} for linux/amd64`);
    return this.manifest(fitting.digest);
  }

  /** A blob as a stream that fails at its end when it is not what its digest says. */
  async blob({ digest, size }: Descriptor): Promise<Readable> {
    const response = await this.transport.send({
      method: "GET",
      url: `${this.base}/blobs/${digest}`,
      what: `the blob ${digest}`,
      scope: this.pull,
    });
    const body = (response.body ?? new Blob([]).stream()) as import("node:stream/web").ReadableStream;
    const source = Readable.fromWeb(body);
    const checked = this.checking(digest, size);
    source.on("error", (error) => checked.destroy(error));
    return source.pipe(checked);
  }

  /** A small blob as JSON. */
  async json(descriptor: Descriptor): Promise<JsonObject> {
    const chunks: Buffer[] = [];
    for await (const chunk of await this.blob(descriptor)) chunks.push(chunk as Buffer);
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString());
    if (isJsonObject(value)) return value;
    throw this.mismatch(descriptor.digest, "no JSON object");
  }

  private checking(digest: Digest, size: number): Transform {
    const hash = createHash("sha256");
    let seen = 0;
    const fail = (got: string) => this.mismatch(digest, got);
    return new Transform({
      transform(chunk: Buffer, _, done) {
        seen += chunk.length;
        hash.update(chunk);
        if (seen > size) done(fail(`more than ${size} bytes`));
        else done(null, chunk);
      },
      flush(done) {
        const got = `sha256:${hash.digest("hex")}`;
        done(got === digest && seen === size ? null : fail(`${got}, ${seen} bytes`));
      },
    });
  }

  /** True when the repository holds the blob. */
  async has(digest: Digest): Promise<boolean> {
    const response = await this.transport.send({
      method: "HEAD",
      url: `${this.base}/blobs/${digest}`,
      expected: [404],
      what: `the blob ${digest}`,
      scope: this.push,
    });
    return response.ok;
  }

  /**
   * Puts a blob there: nothing is sent when it is there already, or when another repository of the registry can lend it.
   *
   * @param from Repositories of the same registry that may hold it.
   */
  async upload(blob: BlobContent, from: readonly string[] = []): Promise<"there" | "mounted" | "sent"> {
    const { digest } = blob.descriptor;
    if (await this.has(digest)) return "there";
    if (await this.borrow(digest, from)) return "mounted";
    await this.send(blob);
    return "sent";
  }

  /** True when one of the registry's other repositories lends the blob. */
  async borrow(digest: Digest, from: readonly string[]): Promise<boolean> {
    for (const name of from) if (await this.mount(digest, name)) return true;
    return false;
  }

  private async mount(digest: Digest, from: string): Promise<boolean> {
    const query = new URLSearchParams({ mount: digest, from });
    const response = await this.transport.send({
      method: "POST",
      url: `${this.base}/blobs/uploads/?${query}`,
      headers: { "content-length": "0" },
      expected: [202],
      what: `mounting ${digest} from ${from}`,
      scope: `${this.push} repository:${from}:pull`,
    });
    if (response.status === 201) return true;
    // The registry has opened an upload instead; it is given up.
    const place = response.headers.get("location");
    if (place !== null) await this.cancel(place);
    return false;
  }

  private async cancel(url: string): Promise<void> {
    const expected = [404, 405, 400];
    const what = "giving up an upload";
    await this.transport.send({ method: "DELETE", url, expected, what, scope: this.push });
  }

  private async send({ descriptor, content }: BlobContent): Promise<void> {
    const { digest } = descriptor;
    const what = `uploading ${digest}`;
    // A failed upload is gone with its place: each attempt of the whole begins with a new one.
    for (let attempt = 1; ; attempt++) {
      const opened = await this.transport.send({
        method: "POST",
        url: `${this.base}/blobs/uploads/`,
        headers: { "content-length": "0" },
        what,
        scope: this.push,
      });
      const url = new URL(opened.headers.get("location") ?? "", opened.url || undefined);
      url.searchParams.set("digest", digest);
      const response = await this.transport.send({
        method: "PUT",
        url: url.href,
        headers: { "content-type": "application/octet-stream" },
        body: () => bodyOf(content),
        expected: [404],
        what,
        scope: this.push,
      });
      if (response.ok) return;
      await response.body?.cancel();
      if (attempt === 3) throw this.missing(`the place of the upload of ${digest}`);
    }
  }

  /** Stores a manifest under its digest, and under a tag when one is given. */
  async put(manifest: Manifest, tag?: string): Promise<StoredManifest> {
    const bytes = Uint8Array.from(Buffer.from(JSON.stringify(manifest)));
    const digest = digestOfBytes(bytes);
    const mediaType = manifest.mediaType ?? mediaTypes.manifests.oci;
    for (const reference of tag === undefined ? [digest] : [digest, tag]) {
      await this.transport.send({
        method: "PUT",
        url: `${this.base}/manifests/${reference}`,
        headers: { "content-type": mediaType },
        body: async () => bytes,
        what: `storing the manifest ${reference}`,
        scope: this.push,
      });
    }
    return { digest, mediaType, bytes, manifest };
  }

  /** What refers to a manifest: by the registry's own list, or by the tag that stands in for it. */
  async referrers(subject: Digest): Promise<readonly Descriptor[]> {
    const response = await this.transport.send({
      method: "GET",
      url: `${this.base}/referrers/${subject}`,
      expected: [404, 400, 405],
      what: `what refers to ${subject}`,
      scope: this.pull,
    });
    if (!response.ok) {
      await response.body?.cancel();
      return (await this.fallback(subject))?.manifest.manifests ?? [];
    }
    const bytes = new Uint8Array(await response.arrayBuffer());
    return readManifest(bytes, `referrers of ${subject}`).manifests ?? [];
  }

  /** Stores a manifest that refers to another, so that registries without such lists show it too. */
  async attach(manifest: Manifest & { readonly subject: Descriptor }): Promise<StoredManifest> {
    const { digest: subject } = manifest.subject;
    const stored = await this.put(manifest);
    const known = await this.referrers(subject);
    if (known.some(({ digest }) => digest === stored.digest)) return stored;
    const entry: Descriptor = {
      mediaType: stored.mediaType,
      digest: stored.digest,
      size: stored.bytes.length,
      ...(manifest.artifactType === undefined ? {} : { artifactType: manifest.artifactType }),
      ...(manifest.annotations === undefined ? {} : { annotations: manifest.annotations }),
    };
    const index: Manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.manifests.ociIndex,
      manifests: [...known, entry],
    };
    await this.put(index, fallbackTag(subject));
    return stored;
  }

  private async fallback(subject: Digest): Promise<StoredManifest | undefined> {
    try {
      return await this.manifest(fallbackTag(subject));
    } catch (error) {
      if (error instanceof SealflowError && error.code === "CLUSTER_IMAGE_MISSING") return undefined;
      throw error;
    }
  }

  private missing(what: string): SealflowError {
    const { host, name } = this.repository;
    return new SealflowError({
      code: "CLUSTER_IMAGE_MISSING",
      message: `${host}/${name}: expected ${what}, got none`,
    });
  }

  private mismatch(expected: string, got: string): SealflowError {
    const { host, name } = this.repository;
    return new SealflowError({
      code: "CLUSTER_DIGEST_MISMATCH",
      message: `${host}/${name}: expected content with ${expected}, got ${got}`,
      hint: "the registry, or something before it, changes what it serves: do not use it",
    });
  }
}

/** The tag under which referrers are listed where the registry has no list of its own. */
function fallbackTag(subject: Digest): string {
  return subject.replace(":", "-");
}

/** A file is read while it is sent; registries want its length first. */
async function bodyOf(content: BlobContent["content"]): Promise<Uint8Array<ArrayBuffer> | Blob> {
  return content instanceof Uint8Array ? content : openAsBlob(content.file);
}

/** SHA-256 of bytes as OCI writes it. */
export function digestOfBytes(bytes: Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
