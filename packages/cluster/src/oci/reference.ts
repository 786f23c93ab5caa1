/** Names of images. Source: OCI distribution specification 1.1, "Pulling manifests"; Docker's host rules for short names. */
import { type Digest, isDigest, SealflowError } from "@sealflow/core";

/** A repository of a registry. */
export interface Repository {
  /** `HOST` or `HOST:PORT`. */
  readonly host: string;
  readonly name: string;
}

/** An image: by digest it is one image for ever, by tag whatever the registry says today. */
export interface ImageReference extends Repository {
  readonly tag?: string;
  readonly digest?: Digest;
}

const NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/**
 * Parses `HOST[:PORT]/NAME[:TAG][@DIGEST]`. Without a host, Docker's: `python` is `docker.io/library/python`.
 *
 * @throws SealflowError `CLUSTER_IMAGE_NAME`
 */
export function parseImage(text: string): ImageReference {
  const [rest = "", digest, ...more] = text.split("@");
  const slash = rest.indexOf("/");
  const first = slash < 0 ? "" : rest.slice(0, slash);
  const named = /[.:]/.test(first) || first === "localhost";
  const path = named ? rest.slice(slash + 1) : slash < 0 ? `library/${rest}` : rest;
  const [name = "", tag, ...tags] = path.split(":");
  const good =
    NAME.test(name) && (tag === undefined || TAG.test(tag)) && more.length === 0 && tags.length === 0;
  if (!good || (digest !== undefined && !isDigest(digest))) throw badName(text);
  return {
    host: named ? first : "docker.io",
    name,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/**
 * Parses an image that must be named by its digest.
 *
 * @param what For messages, for example `base image`.
 * @throws SealflowError `CLUSTER_IMAGE_UNPINNED`, `CLUSTER_IMAGE_NAME`
 */
export function parsePinnedImage(text: string, what: string): ImageReference & { readonly digest: Digest } {
  const { digest, ...rest } = parseImage(text);
  if (digest !== undefined) return { ...rest, digest };
  throw new SealflowError({
    code: "CLUSTER_IMAGE_UNPINNED",
    message: `${what}: expected NAME@sha256:DIGEST, got ${text}`,
    hint: `a tag is another image tomorrow: sealflow image resolve ${text} prints what it is now`,
  });
}

/** `HOST/NAME@DIGEST`. */
export function pinned({ host, name }: Repository, digest: Digest): string {
  return `${host}/${name}@${digest}`;
}

function badName(text: string): SealflowError {
  return new SealflowError({
    code: "CLUSTER_IMAGE_NAME",
    message: `image: expected HOST/NAME[:TAG][@sha256:DIGEST] in lower case, got ${JSON.stringify(text)}`,
  });
}
