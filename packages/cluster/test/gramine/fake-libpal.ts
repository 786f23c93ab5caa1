/** A small shared object in the shape of `libpal.so`: code, constants, data and zeroed memory in four segments. */

interface Part {
  readonly flags: number;
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
}

/** Addresses and sizes that cover what loaders get wrong: no page alignment, memory beyond the file's bytes. */
const parts: readonly Part[] = [
  { flags: 4, address: 0, fileSize: 0x5a8, memorySize: 0x5a8 },
  { flags: 5, address: 0x1000, fileSize: 0x2345, memorySize: 0x2345 },
  { flags: 4, address: 0x4000, fileSize: 0x0f1, memorySize: 0x0f1 },
  { flags: 6, address: 0x5c10, fileSize: 0x420, memorySize: 0x9000 },
];

/** Bytes that look random and are always the same. */
function noise(length: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 24;
  });
}

/** The file. */
export function fakeLibpal(seed = 7): Uint8Array {
  const file = new Uint8Array(0x6030 + 0x100);
  const view = new DataView(file.buffer);
  for (const [index, { address, fileSize }] of parts.entries()) {
    file.set(noise(fileSize, seed + index), address);
  }
  file.fill(0, 0, 64 + 56 * parts.length);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 3, true);
  view.setUint16(18, 62, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, 0x1230n, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, parts.length, true);
  for (const [index, { flags, address, fileSize, memorySize }] of parts.entries()) {
    const at = 64 + 56 * index;
    view.setUint32(at, 1, true);
    view.setUint32(at + 4, flags, true);
    for (const [field, value] of [address, address, address, fileSize, memorySize, 0x1000].entries()) {
      view.setBigUint64(at + 8 + 8 * field, BigInt(value), true);
    }
  }
  return file;
}
