/** Other recipients for an artifact, without touching its chunks. */
import type { Random } from "@sealflow/core";
import { type Recipient, recipientIdOf } from "../keys/recipient.js";
import { encodeKeySection, type Unlock, unlockDataKey, type WrappedKey } from "./key-section.js";
import { readOpening } from "./opening.js";
import { type ByteStream, pieceReader } from "./pieces.js";

/** Bytes that are passed on at a time: 1 MiB. */
const copyBytes = 1024 * 1024;

/** To whom the artifact shall open from now on. */
export interface RewrapOptions {
  readonly unlock: Unlock;
  /** Recipients of the result. */
  readonly recipients: readonly Recipient[];
  /** Recipients that these take the place of: all others of the original stay. Default: nobody stays. */
  readonly replaces?: readonly Recipient[];
  readonly random: Random;
}

/**
 * The same artifact for other recipients: same data key, same chunks, same digest. Who could open the old one can still
 * open an old copy. The chunks are passed on unread; opening the result is what proves them.
 *
 * @throws SealflowError as `openArtifact`
 */
export async function* rewrapArtifact(
  sealed: ByteStream,
  options: RewrapOptions,
): AsyncGenerator<Uint8Array> {
  const reader = pieceReader(sealed);
  try {
    const opening = await readOpening(reader);
    const dataKey = await unlockDataKey(opening, options.unlock);
    yield opening.headerBytes;
    const kept = options.replaces === undefined ? [] : await keptKeys(opening.keys, options.replaces);
    yield await encodeKeySection(opening.headerBytes, dataKey, { ...options, kept });
    for (;;) {
      const bytes = await reader.take(copyBytes);
      if (bytes.length === 0) return;
      yield bytes;
    }
  } finally {
    await reader.close();
  }
}

async function keptKeys(
  keys: readonly WrappedKey[],
  replaced: readonly Recipient[],
): Promise<readonly WrappedKey[]> {
  const ids = await Promise.all(replaced.map(recipientIdOf));
  return keys.filter(({ recipient }) => !ids.includes(recipient));
}

/**
 * The data key of an artifact, for handing on under other protection.
 *
 * @throws SealflowError as `openArtifact`
 */
export async function dataKeyOf(sealed: ByteStream, unlock: Unlock): Promise<Uint8Array<ArrayBuffer>> {
  const reader = pieceReader(sealed);
  try {
    return await unlockDataKey(await readOpening(reader), unlock);
  } finally {
    await reader.close();
  }
}
