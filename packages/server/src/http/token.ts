/** The server's token: made once, shown once, kept as a digest. */
import { createHash, timingSafeEqual } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { isJsonObject, type Random, SealflowError } from "@sealflow/core";

/** A token that requests are checked against. */
export interface ServerToken {
  /** The token itself, only when it was made now. */
  readonly fresh?: string;
  readonly check: (candidate: string) => boolean;
}

/** Length in bytes. It is random, not chosen: a fast digest protects it as well as a slow one. */
const TOKEN_BYTES = 32;

const digest = (token: string): Buffer => createHash("sha256").update(token, "utf8").digest();

/**
 * The token whose digest is in a file; a new one when there is none, or when asked for.
 *
 * @throws SealflowError `SERVER_TOKEN_UNREADABLE`
 */
export function serverToken(
  file: string,
  { random, renew }: { random: Random; renew: boolean },
): ServerToken {
  const known = renew ? undefined : readDigest(file);
  if (known !== undefined) return { check: checkAgainst(known) };
  const fresh = Buffer.from(random.bytes(TOKEN_BYTES)).toString("base64url");
  const made = digest(fresh);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify({ formatVersion: 1, sha256: made.toString("hex") })}\n`, {
    mode: 0o600,
  });
  chmodSync(`${file}.new`, 0o600);
  renameSync(`${file}.new`, file);
  return { fresh, check: checkAgainst(made) };
}

function checkAgainst(known: Buffer): (candidate: string) => boolean {
  return (candidate) => candidate !== "" && timingSafeEqual(digest(candidate), known);
}

function readDigest(file: string): Buffer | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw unreadable(file, cause);
  }
  const sha256 = hexOf(text);
  if (sha256 === undefined) throw unreadable(file);
  return Buffer.from(sha256, "hex");
}

function hexOf(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const hex = isJsonObject(value) ? value.sha256 : undefined;
    return typeof hex === "string" && /^[0-9a-f]{64}$/.test(hex) ? hex : undefined;
  } catch {
    return undefined;
  }
}

function unreadable(file: string, cause?: unknown): SealflowError {
  return new SealflowError({
    code: "SERVER_TOKEN_UNREADABLE",
    message: "token: expected the digest of the server's token",
    where: { file },
    hint: "Make a new token with --new-token.",
    ...(cause === undefined ? {} : { cause }),
  });
}
