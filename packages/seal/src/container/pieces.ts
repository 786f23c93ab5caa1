/** Streams of bytes, cut as they come, read as they are needed. */
import { concatBytes } from "@sealflow/core";

type Bytes = Uint8Array<ArrayBuffer>;

/** Bytes in pieces of any size. A piece must not change after it was handed over. */
export type ByteStream = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Reads a stream by length. */
export interface PieceReader {
  /** The next `length` bytes, or all that is left when that is fewer. Copies only where pieces meet. */
  take(length: number): Promise<Uint8Array>;
  /** Tells the source that nothing more is wanted. */
  close(): Promise<void>;
}

export function pieceReader(source: ByteStream): PieceReader {
  const iterator =
    Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  let rest: Uint8Array = new Uint8Array(0);
  let ended = false;
  const next = async () => {
    const step = await iterator.next();
    if (step.done === true) ended = true;
    else rest = step.value;
  };
  return {
    take: async (length) => {
      const parts: Uint8Array[] = [];
      let missing = length;
      while (missing > 0) {
        if (rest.length === 0) {
          if (ended) break;
          await next();
          continue;
        }
        const part = rest.subarray(0, missing);
        rest = rest.subarray(part.length);
        missing -= part.length;
        parts.push(part);
      }
      const [first] = parts;
      return parts.length === 1 && first !== undefined ? first : concatBytes(...parts);
    },
    close: async () => {
      if (!ended) await iterator.return?.();
      ended = true;
    },
  };
}

/** A piece of fixed length, and whether it is the stream's last (which may be shorter). */
export interface Chunk {
  readonly bytes: Uint8Array;
  readonly final: boolean;
}

/** Cuts what is left into chunks. There is always one at least; only that one may be empty. */
export async function* chunksOf(reader: PieceReader, chunkBytes: number): AsyncGenerator<Chunk> {
  let current = await reader.take(chunkBytes);
  for (;;) {
    const following = current.length === chunkBytes ? await reader.take(chunkBytes) : undefined;
    const final = following === undefined || following.length === 0;
    yield { bytes: current, final };
    if (final) return;
    current = following;
  }
}

/** An owned copy, or the array itself when it is the whole of its memory. */
export function ownedBytes(bytes: Uint8Array): Bytes {
  return concatBytes(bytes);
}

/** The pieces of a Web stream; for engines whose streams cannot be iterated. */
export async function* piecesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const step = await reader.read();
      if (step.done) return;
      yield step.value;
    }
  } finally {
    await reader.cancel();
  }
}

/** A Web stream of the pieces, pulled as they are wanted. */
export function readableOf(pieces: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      pull: async (controller) => {
        const step = await pieces.next();
        if (step.done === true) controller.close();
        else controller.enqueue(step.value);
      },
      cancel: async () => {
        await pieces.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
