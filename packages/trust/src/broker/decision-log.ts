/** The decision log in the broker: its tree, its time that never goes back, its checkpoints. */
import { toHex } from "@sealflow/core";
import type { Envelope, Signer } from "@sealflow/seal";
import { failure } from "../failure.js";
import { type Checkpoint, signCheckpoint } from "../log/checkpoint.js";
import { encodeLogEntry, type LogEntry } from "../log/entry.js";
import { leafHash } from "../log/merkle.js";
import { MerkleTree } from "../log/tree.js";

/** The log. */
export class DecisionLog {
  readonly tree = new MerkleTree();
  /** Time of the newest entry, in milliseconds since the Unix epoch. */
  #time = 0;

  /** The time for an entry that is decided now. */
  timeAt(now: number): number {
    return Math.max(now, this.#time);
  }

  /** Takes an entry over. @returns Its leaf hash in hex. */
  async append(entry: LogEntry): Promise<string> {
    const hash = await leafHash(encodeLogEntry(entry));
    await this.tree.append(hash);
    this.#time = Date.parse(entry.time);
    return toHex(hash);
  }

  async checkpoint(of: {
    readonly domain: string;
    readonly policyEpoch: number;
    readonly now: number;
    readonly signer: Signer;
  }): Promise<Envelope> {
    const { size, root } = await this.tree.head();
    const { domain, policyEpoch, signer } = of;
    const time = new Date(this.timeAt(of.now)).toISOString();
    const checkpoint = {
      version: "sealflow.checkpoint/v1" as const,
      domain,
      size,
      root: toHex(root),
      time,
      policyEpoch,
    };
    return signCheckpoint(checkpoint, signer);
  }

  /** True when the log begins with what the checkpoint says. */
  async continues(checkpoint: Checkpoint): Promise<boolean> {
    if (checkpoint.size > this.tree.size) return false;
    return toHex((await this.tree.head(checkpoint.size)).root) === checkpoint.root;
  }

  /** @throws SealflowError `TRUST_LOG_ROLLED_BACK` */
  async requireContinues(checkpoint: Checkpoint): Promise<void> {
    if (await this.continues(checkpoint)) return;
    const { size } = this.tree;
    throw failure("TRUST_LOG_ROLLED_BACK", "decision log", {
      expected: `the ${checkpoint.size} entries of the checkpoint of ${checkpoint.time} at its beginning`,
      got: size < checkpoint.size ? `${size} entries` : "other entries",
    });
  }
}
