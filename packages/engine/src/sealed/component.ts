/** What a component of a sealed run is, by content: what the policy measures and the task states. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { canonicalJson, type Digest } from "@sealflow/core";
import { textDigest } from "../cache/key.js";

/** The parts of a component. The Python runtime computes the same digest over what it runs. */
export interface ComponentParts {
  /** Of the source's bytes. */
  readonly source: Digest;
  readonly function: string;
  /** Of the environment that it runs in, and of the packages that sealing needs. */
  readonly environment: Digest;
  /** Of the Python runtime's files. */
  readonly runtime: Digest;
  /** Variables that the component is started with. */
  readonly env: Readonly<Record<string, string>>;
}

/** The component's digest. */
export function componentDigest(parts: ComponentParts): Digest {
  return textDigest(canonicalJson({ version: "sealflow.component/v1", ...parts }));
}

const known = new Map<string, Digest>();

/**
 * The digest of the Python runtime: of every Python file of its package, by path.
 *
 * @param sources Directory that holds the package `sealflow`.
 */
export function runtimeDigest(sources: string): Digest {
  const present = known.get(sources);
  if (present !== undefined) return present;
  const root = join(sources, "sealflow");
  const files: Record<string, string> = {};
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".py")) continue;
    const path = join(entry.parentPath, entry.name);
    const name = relative(root, path).split(sep).join("/");
    files[name] = createHash("sha256").update(readFileSync(path)).digest("hex");
  }
  const digest = textDigest(canonicalJson({ version: "sealflow.runtime/v1", files }));
  known.set(sources, digest);
  return digest;
}
