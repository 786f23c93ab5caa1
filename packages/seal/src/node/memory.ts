/**
 * Memory that the cipher gave out and nobody holds any more. Node's ciphers make a new buffer for every result, and V8
 * gives such buffers back only when about 32 MiB of young ones have come together. Collecting the young generation more
 * often keeps the memory small, and it is faster too: memory that is used again need not be cleared by the kernel first.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Bytes given out between two collections: 2 MiB, so that what is in use outlives one collection at most, and none of it grows old. */
const betweenCollections = 2 * 1024 * 1024;

type Collect = (options: { readonly type: "minor" }) => void;

let collect: Collect | undefined;
let givenOut = 0;

/** Says that a buffer of this many bytes is about to be made that will not be held for long. */
export function noteShortLived(bytes: number): void {
  givenOut += bytes;
  if (givenOut < betweenCollections) return;
  givenOut = 0;
  collect ??= youngCollector();
  collect({ type: "minor" });
}

/** V8's own function, which a context shows when it is made under this flag; programs see nothing of it. */
function youngCollector(): Collect {
  setFlagsFromString("--expose-gc");
  const found: unknown = runInNewContext("typeof gc === 'function' ? gc : undefined");
  setFlagsFromString("--no-expose-gc");
  return isCollect(found) ? found : () => undefined;
}

function isCollect(value: unknown): value is Collect {
  return typeof value === "function";
}
