/**
 * The digest of an artifact's content: header and chunks as they stand, without the key section, so that it stays the
 * same when the artifact is rewrapped. The chunks' digests are the leaves of a Merkle tree (RFC 6962, section 2.1), so
 * that the digest needs no incremental hash and little memory.
 */
import { concatBytes, type Digest, sha256, toHex, utf8 } from "@sealflow/core";
import { tagBytes } from "./cipher.js";
import { readOpening } from "./opening.js";
import { type ByteStream, chunksOf, ownedBytes, pieceReader } from "./pieces.js";

type Bytes = Uint8Array<ArrayBuffer>;

const domain = utf8("sealflow sealed artifact v1 digest");

/** SHA-256 over parts as if they stood together. WebCrypto's by default; adapters may have one that copies nothing. */
export type HashOfParts = (...parts: readonly Uint8Array[]) => Promise<Bytes> | Bytes;

const webCryptoHash: HashOfParts = (...parts) => sha256(concatBytes(...parts));

/**
 * Computes the digest. No key is needed, and nothing is decrypted.
 *
 * @throws SealflowError `SEAL_ARTIFACT_MALFORMED`, `SEAL_ARTIFACT_VERSION`, `SEAL_ARTIFACT_TRUNCATED`
 */
export async function artifactDigest(sealed: ByteStream): Promise<Digest> {
  return (await openingOf(sealed)).digest;
}

/** What stands for an artifact where its content is not needed: who can unwrap its key, and what its digest is made of. */
export interface ArtifactOpening {
  /** The artifact's bytes before its first chunk: header, key section and tag. */
  readonly opening: Bytes;
  readonly chunks: number;
  /** Root over the chunks' digests. */
  readonly root: Bytes;
  readonly digest: Digest;
}

/**
 * The opening of an artifact, with its digest. No key is needed, and nothing is decrypted.
 *
 * @throws SealflowError `SEAL_ARTIFACT_MALFORMED`, `SEAL_ARTIFACT_VERSION`, `SEAL_ARTIFACT_TRUNCATED`
 */
export async function openingOf(sealed: ByteStream, hash = webCryptoHash): Promise<ArtifactOpening> {
  const reader = pieceReader(sealed);
  try {
    const { headerBytes, sectionBytes, tag, header } = await readOpening(reader);
    const tree: (Bytes | undefined)[] = [];
    let chunks = 0;
    for await (const { bytes } of chunksOf(reader, header.chunkBytes + tagBytes)) {
      await append(tree, await hash(Uint8Array.of(0), bytes));
      chunks++;
    }
    const root = await rootOf(tree);
    const digest = await digestFrom(headerBytes, { chunks, root });
    return { opening: concatBytes(headerBytes, sectionBytes, tag), chunks, root, digest };
  } finally {
    await reader.close();
  }
}

/**
 * The digest of the artifact with this opening and this content: whoever has the opening alone can tell whether it is the
 * named artifact's.
 *
 * @throws SealflowError `SEAL_ARTIFACT_MALFORMED`, `SEAL_ARTIFACT_VERSION`, `SEAL_ARTIFACT_TRUNCATED`
 */
export async function openingDigest(
  opening: Uint8Array,
  content: { readonly chunks: number; readonly root: Bytes },
): Promise<Digest> {
  const reader = pieceReader([opening]);
  try {
    const { headerBytes } = await readOpening(reader);
    return await digestFrom(headerBytes, content);
  } finally {
    await reader.close();
  }
}

async function digestFrom(
  headerBytes: Bytes,
  { chunks, root }: { readonly chunks: number; readonly root: Bytes },
): Promise<Digest> {
  const count = new Uint8Array(8);
  new DataView(count.buffer).setBigUint64(0, BigInt(chunks));
  const whole = concatBytes(domain, await sha256(ownedBytes(headerBytes)), count, root);
  return `sha256:${toHex(await sha256(whole))}`;
}

/** `tree[i]` is the digest of a full subtree of 2^i leaves, if there is one so far. */
async function append(tree: (Bytes | undefined)[], leaf: Bytes): Promise<void> {
  let node = leaf;
  let level = 0;
  for (let left = tree[level]; left !== undefined; left = tree[++level]) {
    node = await inner(left, node);
    tree[level] = undefined;
  }
  tree[level] = node;
}

async function rootOf(tree: readonly (Bytes | undefined)[]): Promise<Bytes> {
  let root: Bytes | undefined;
  for (const node of tree) {
    if (node !== undefined) root = root === undefined ? node : await inner(node, root);
  }
  return root ?? new Uint8Array(32);
}

function inner(left: Bytes, right: Bytes): Promise<Bytes> {
  return sha256(concatBytes(Uint8Array.of(1), left, right));
}
