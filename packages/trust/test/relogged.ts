/** Bundles with a log that the broker's own key has signed anew: what only a broker that lies can make. */
import { toHex } from "@sealflow/core";
import type { Signer } from "@sealflow/seal";
import type { RunBundle } from "../src/bundle/format.js";
import { envelopeDigest, leafHash, signCheckpoint } from "../src/index.js";
import { encodeLogEntry, type LogEntry } from "../src/log/entry.js";
import { consistencyProof, inclusionProof, rootOf } from "./plain-merkle.js";

/** A bundle with its log written anew by the broker's own key. */
export async function relogged(
  bundle: RunBundle,
  signer: Signer,
  change: (entries: LogEntry[]) => readonly LogEntry[],
  head: { readonly policyEpoch?: number } = {},
): Promise<RunBundle> {
  const own = bundle.log.entries.map(({ entry }) => structuredClone(entry));
  const entries: LogEntry[] = [];
  const last = new Map<string, string>();
  for (const entry of change(own)) {
    const of = "registration" in entry ? entry.registration : "";
    const linked = {
      ...entry,
      ...("previous" in entry ? { previous: last.get(of) ?? null } : {}),
    } as LogEntry;
    entries.push(linked);
    last.set(of, toHex(await leafHash(encodeLogEntry(linked))));
  }
  const leaves = await Promise.all(entries.map((entry) => leafHash(encodeLogEntry(entry))));
  const digest = await envelopeDigest(bundle.registration);
  const isOwn = (entry: LogEntry) => entry.kind === "registered" && entry.registration === digest;
  const registered = entries.findIndex(isOwn) + 1;
  const checkpoint = {
    ...{ version: "sealflow.checkpoint/v1" as const, domain: "test", size: leaves.length, policyEpoch: 3 },
    root: toHex(await rootOf(leaves)),
    time: "2027-01-01T00:00:00.000Z",
    ...head,
  };
  return {
    ...bundle,
    log: {
      checkpoint: await signCheckpoint(checkpoint, signer),
      registered: {
        root: toHex(await rootOf(leaves.slice(0, registered))),
        proof: (await consistencyProof(leaves, registered)).map(toHex),
      },
      entries: await Promise.all(
        entries.map(async (entry, index) => ({
          ...{ index, entry },
          proof: (await inclusionProof(leaves, index)).map(toHex),
        })),
      ),
    },
  };
}
