/**
 * Where artifacts of cluster runs are: a port over object stores and directories. Pods get addresses that are signed for
 * one object each, so that no credentials of the store are in the cluster.
 */
import { SealflowError } from "@sealflow/core";

/** An address for one request on one object, good for some time. It is a secret. */
export interface SignedAddress {
  readonly url: string;
  /** Headers that the request must have. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Settings of an address. */
export interface AddressOptions {
  readonly method: "GET" | "PUT";
  /** For how long it is good, in seconds. At most 604 800 (a week) for S3. */
  readonly seconds: number;
  /** A PUT that fails where the object is already there: the first one wins. Default: false. */
  readonly ifAbsent?: boolean;
}

/** A store, seen from a prefix. Keys are relative to it, with slashes. */
export interface ArtifactStore {
  /** URI of the prefix, without a slash at the end. */
  readonly root: string;
  /** @returns False when `ifAbsent` was asked for and the object is there. */
  put(key: string, content: Uint8Array | Blob, options?: { readonly ifAbsent?: boolean }): Promise<boolean>;
  /** The content; undefined when there is no such object. */
  get(key: string): Promise<Uint8Array | undefined>;
  has(key: string): Promise<boolean>;
  /** Keys that begin with the prefix, sorted. */
  list(prefix: string): Promise<readonly string[]>;
  /** Removes an object; one that is not there is no error. */
  delete(key: string): Promise<void>;
  address(key: string, options: AddressOptions): Promise<SignedAddress>;
}

/** URI of an object. */
export function uriOf(store: ArtifactStore, key: string): string {
  return `${store.root}/${key}`;
}

/** Key of a URI in this store; undefined for URIs elsewhere. */
export function keyOf(store: ArtifactStore, uri: string): string | undefined {
  return uri.startsWith(`${store.root}/`) ? uri.slice(store.root.length + 1) : undefined;
}

/**
 * Refuses keys that mean something else on some store.
 *
 * @throws SealflowError `CLUSTER_STORE_KEY`
 */
export function checkKey(key: string): string {
  const parts = key.split("/");
  const fits =
    key.length <= 900 && parts.every((part) => /^[\w.=@+~-]+$/.test(part) && !/^\.{1,2}$/.test(part));
  if (fits) return key;
  throw new SealflowError({
    code: "CLUSTER_STORE_KEY",
    message: `store: expected a plain key, got ${JSON.stringify(key)}`,
  });
}

/** A store that answers with an error, or not at all. The address is not in the message: its signature is a secret. */
export function storeFailed(root: string, what: string, reason: string, cause?: unknown): SealflowError {
  return new SealflowError({
    code: "CLUSTER_STORE_FAILED",
    message: `${root}: ${what}: ${reason}`,
    hint: "Check the store's address, that the bucket or container exists, and the credentials in the environment.",
    ...(cause === undefined ? {} : { cause }),
  });
}
