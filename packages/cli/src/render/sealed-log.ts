/**
 * Logs of confidential pods: ciphertext as text, between marks, behind what the program outside the enclave says. It is opened
 * with a key of the run's recipients, or told to be there.
 */
import { type Identity, openArtifact } from "@sealflow/seal";

const begin = "-----BEGIN SEALFLOW LOG-----";
const end = "-----END SEALFLOW LOG-----";

/** Gives the identities that may open logs; undefined where there are none here. */
export type LogKeys = () => Promise<readonly Identity[] | undefined>;

/** Lines in, lines out: those of sealed logs opened. */
export class SealedLogLines {
  private readonly keys: LogKeys;
  private collected: string[] | undefined;

  constructor(keys: LogKeys) {
    this.keys = keys;
  }

  /** What is shown for a line: itself, nothing while a sealed log is coming, all of it at its end. */
  async line(text: string): Promise<readonly string[]> {
    if (text.trimEnd() === begin) this.collected = [];
    else if (this.collected === undefined) return [text];
    else if (text.trimEnd() === end) return this.opened();
    else this.collected.push(text.trim());
    return [];
  }

  private async opened(): Promise<readonly string[]> {
    const sealed = Uint8Array.from(Buffer.from((this.collected ?? []).join(""), "base64"));
    this.collected = undefined;
    const identities = await this.keys();
    if (identities === undefined) return [closed(sealed, "no key here opens it")];
    try {
      const { plaintext } = await openArtifact([sealed], { unlock: { identities } });
      const pieces: Uint8Array[] = [];
      for await (const piece of plaintext) pieces.push(piece);
      return Buffer.concat(pieces).toString("utf8").replace(/\n$/, "").split("\n");
    } catch (error) {
      return [closed(sealed, error instanceof Error ? error.message : String(error))];
    }
  }
}

function closed(sealed: Uint8Array, why: string): string {
  return `(sealed log, ${sealed.length} bytes: ${why})`;
}
