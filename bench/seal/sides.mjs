/** One side of the comparison, as a process of its own: `node sides.mjs SIDE SOURCE TARGET`. Prints seconds. */
import { createCipheriv, createDecipheriv, randomFillSync } from "node:crypto";
import { open } from "node:fs/promises";
import { setFlagsFromString } from "node:v8";
import { projectKeyFrom } from "../../packages/seal/dist/index.js";
import { openSealedFile, sealFile, writeFileAtomically } from "../../packages/seal/dist/node.js";

const [side, source, target] = process.argv.slice(2);
const pieceBytes = 1024 * 1024;
// As the command line does for these commands.
if (side === "seal" || side === "open") setFlagsFromString("--no-opt");
const key = Buffer.alloc(32, 7);
const nonce = Buffer.alloc(12);
const random = { bytes: (length) => randomFillSync(new Uint8Array(length)) };
const { identity } = await projectKeyFrom(new Uint8Array(32).fill(1));

/** A plain copy with node:crypto's AES-GCM in between: what anybody would write. */
async function copyThrough(cipher) {
  const [from, to] = [await open(source, "r"), await open(target, "w")];
  const buffer = Buffer.allocUnsafe(pieceBytes);
  for (;;) {
    const { bytesRead } = await from.read(buffer, 0, pieceBytes);
    if (bytesRead === 0) break;
    await to.write(cipher.update(buffer.subarray(0, bytesRead)));
  }
  cipher.final();
  await to.sync();
  await Promise.all([from.close(), to.close()]);
}

const sides = {
  "peer-seal": () => copyThrough(createCipheriv("aes-256-gcm", key, nonce)),
  // Without a tag to hold against: opening the same number of bytes costs the same.
  "peer-open": async () => {
    const cipher = createDecipheriv("aes-256-gcm", key, nonce);
    await copyThrough({ update: (bytes) => cipher.update(bytes), final: () => {} });
  },
  // What the runtime takes by itself.
  bare: () => {},
  seal: () => {
    const options = { recipients: [identity.recipient], random };
    return writeFileAtomically(target, sealFile(source, options), { replace: true });
  },
  open: async () => {
    const { plaintext } = await openSealedFile(source, { unlock: { identities: [identity] } });
    await writeFileAtomically(target, plaintext, { replace: true });
  },
};
const started = performance.now();
await sides[side]();
const seconds = (performance.now() - started) / 1000;
console.log(JSON.stringify({ seconds, peakBytes: process.resourceUsage().maxRSS * 1024 }));
