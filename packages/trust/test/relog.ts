/** A log with other entries under the broker's own key: what only a broker that lies can make. */
import { toHex } from "@sealflow/core";
import { projectKeyFrom } from "@sealflow/seal";
import type { RunBundle } from "../src/bundle/format.js";
import { leafHash, signCheckpoint } from "../src/index.js";
import { encodeLogEntry, type LogEntry } from "../src/log/entry.js";
import { consistencyProof, inclusionProof, rootOf } from "./plain-merkle.js";

/** What else the liar says of its log. */
export interface Head {
  readonly domain: string;
  readonly policyEpoch: number;
  readonly time: string;
}

/** The log of a bundle with its entries changed, linked, hashed and signed anew. @param secret Of the broker, 32 bytes. */
export async function relog(
  bundle: RunBundle,
  secret: Uint8Array<ArrayBuffer>,
  how: { readonly change: (entries: LogEntry[]) => readonly LogEntry[]; readonly head: Head },
): Promise<RunBundle["log"]> {
  const own = bundle.log.entries.map(({ entry }) => structuredClone(entry));
  const entries = await linked(how.change(own));
  const leaves = await Promise.all(entries.map((entry) => leafHash(encodeLogEntry(entry))));
  const { signer } = await projectKeyFrom(secret);
  const checkpoint = {
    ...{ version: "sealflow.checkpoint/v1" as const, size: leaves.length },
    ...{ root: toHex(await rootOf(leaves)), ...how.head },
  };
  const placed = entries.map(async (entry, index) => ({
    ...{ index, entry },
    proof: (await inclusionProof(leaves, index)).map(toHex),
  }));
  return {
    checkpoint: await signCheckpoint(checkpoint, signer),
    registered: {
      root: toHex(await rootOf(leaves.slice(0, 1))),
      proof: (await consistencyProof(leaves, 1)).map(toHex),
    },
    entries: await Promise.all(placed),
  };
}

/** Each entry names the hash of the one before it. */
async function linked(entries: readonly LogEntry[]): Promise<LogEntry[]> {
  const result: LogEntry[] = [];
  let previous: string | null = null;
  for (const entry of entries) {
    const next = { ...entry, previous } as LogEntry;
    result.push(next);
    previous = toHex(await leafHash(encodeLogEntry(next)));
  }
  return result;
}
