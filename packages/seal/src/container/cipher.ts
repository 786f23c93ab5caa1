/** AES-256-GCM over chunks. WebCrypto by default; adapters with other engines must pass the same vectors. */
import { concatBytes, sha256 } from "@sealflow/core";
import { deriveKey } from "../keys/derive.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** AES-256-GCM under one key: nonces of 12 bytes, tags of 16 after the ciphertext. */
export interface Aead {
  /** Ciphertext and tag, in one piece or several. The pieces must not share memory with later results. */
  seal(
    plaintext: Uint8Array,
    nonce: Bytes,
    aad: Bytes,
  ): Promise<readonly Uint8Array[]> | readonly Uint8Array[];
  /** Plaintext, or `undefined` when the tag does not hold. */
  open(
    sealed: Uint8Array,
    nonce: Bytes,
    aad: Bytes,
  ): Promise<Uint8Array | undefined> | Uint8Array | undefined;
}

/** Makes the cipher for a key of 32 bytes. */
export type AeadFactory = (key: Bytes) => Promise<Aead> | Aead;

/** Bytes of a chunk's tag. */
export const tagBytes = 16;

/** AES-256-GCM through WebCrypto. */
export const webCryptoAead: AeadFactory = async (key) => {
  const imported = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]);
  const algorithm = (iv: Bytes, additionalData: Bytes) => ({ name: "AES-GCM", iv, additionalData });
  return {
    seal: async (plaintext, nonce, aad) => [
      new Uint8Array(await crypto.subtle.encrypt(algorithm(nonce, aad), imported, owned(plaintext))),
    ],
    open: async (sealed, nonce, aad) => {
      try {
        return new Uint8Array(await crypto.subtle.decrypt(algorithm(nonce, aad), imported, owned(sealed)));
      } catch {
        return undefined;
      }
    },
  };
};

/** WebCrypto takes no shared memory. */
function owned(bytes: Uint8Array): Bytes {
  return bytes.buffer instanceof ArrayBuffer
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes);
}

/** Seals and opens numbered chunks of one artifact. */
export interface ChunkCipher {
  seal(index: number, final: boolean, plaintext: Uint8Array): Promise<readonly Uint8Array[]>;
  open(index: number, final: boolean, sealed: Uint8Array): Promise<Uint8Array | undefined>;
}

/** Chunks per artifact: 2^32. */
export const maxChunks = 2 ** 32;

/**
 * The cipher for an artifact's chunks. Key, nonce and associated data all depend on where the chunk belongs: the key
 * on the header, the nonce on the index, the associated data on header, index and whether the chunk is the last.
 */
export async function chunkCipher(
  headerBytes: Bytes,
  dataKey: Bytes,
  makeAead: AeadFactory = webCryptoAead,
): Promise<ChunkCipher> {
  const digest = await sha256(headerBytes);
  const key = await deriveKey(dataKey, { info: "sealflow sealed artifact v1 chunks", salt: digest });
  const aead = await makeAead(key);
  const place = (index: number, final: boolean) => {
    const nonce = new Uint8Array(12);
    new DataView(nonce.buffer).setBigUint64(4, BigInt(index));
    const aad = concatBytes(digest, nonce.subarray(4), Uint8Array.of(final ? 1 : 0));
    return [nonce, aad] as const;
  };
  return {
    seal: async (index, final, plaintext) => aead.seal(plaintext, ...place(index, final)),
    open: async (index, final, sealed) => aead.open(sealed, ...place(index, final)),
  };
}
