import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Artifacts that each language made, with all that is needed to open them and to make their chunks again. */
export interface ArtifactVector {
  readonly name: string;
  readonly producer: string;
  /** Secret of a recipient's project key in hex, if the artifact has recipients. */
  readonly secrets: readonly string[];
  /** Hex. */
  readonly dataKey: string;
  readonly id: string;
  readonly chunkBytes: number;
  readonly content: "bytes" | "tar";
  readonly lineage: Readonly<Record<string, string>>;
  /** Plaintext: byte i is (7 * i + plaintextLength) mod 251. */
  readonly plaintextLength: number;
  readonly digest: string;
  /** Base64. */
  readonly artifact: string;
}

/** An artifact that must be refused with this code. */
export interface MalformedArtifact {
  readonly reason: string;
  readonly code: string;
  /** Base64. */
  readonly artifact: string;
}

export const testdata = fileURLToPath(new URL("testdata/artifacts/", import.meta.url));

export function readVectors(): ArtifactVector[] {
  if (!existsSync(testdata)) return [];
  return readdirSync(testdata)
    .filter((file) => file.startsWith("made-by-"))
    .flatMap((file) => JSON.parse(readFileSync(`${testdata}${file}`, "utf8")) as ArtifactVector[]);
}

export function readMalformed(): MalformedArtifact[] {
  return JSON.parse(readFileSync(`${testdata}malformed.json`, "utf8")) as MalformedArtifact[];
}

export function plaintextOf(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (7 * i + length) % 251);
}
