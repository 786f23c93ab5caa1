/**
 * A project's secret in shares: any `threshold` of them give it back, fewer say nothing about it (Shamir's scheme over
 * GF(2^8), package shamir-secret-sharing). The library takes wrong shares without a word, so each share carries the
 * recipient that its secret has, and what was put together is held against it.
 */
import {
  concatBytes,
  equalBytes,
  fromBase64Url,
  isSealflowError,
  SealflowError,
  sha256,
  toBase64Url,
  utf8,
} from "@sealflow/core";
import { projectKeyFrom } from "./identity.js";
import { recipientIdOf } from "./recipient.js";

type Bytes = Uint8Array<ArrayBuffer>;

const prefix = "sealflow-share-1-";
const checksumDomain = utf8("sealflow share v1");
/** Threshold, first bytes of the recipient's id, the library's share of 33 bytes, checksum. */
const sizes = { threshold: 1, id: 8, share: 33, checksum: 4 } as const;

/**
 * Splits a secret.
 *
 * @param secret 32 bytes.
 * @param how `threshold` of `shares` give it back: 2 ≤ threshold ≤ shares ≤ 255.
 * @throws SealflowError `SEAL_SHARES_COUNT`
 */
export async function splitSecret(
  secret: Bytes,
  how: { readonly shares: number; readonly threshold: number },
): Promise<readonly string[]> {
  const { shares, threshold } = how;
  if (!(threshold >= 2 && shares >= threshold && shares <= 255)) {
    throw new SealflowError({
      code: "SEAL_SHARES_COUNT",
      message: `shares: expected 2 ≤ threshold ≤ shares ≤ 255, got ${threshold} of ${shares}`,
    });
  }
  const id = await idOf(secret);
  const { split } = await import("shamir-secret-sharing");
  const parts = await split(secret, shares, threshold);
  return Promise.all(parts.map((part) => format(concatBytes(Uint8Array.of(threshold), id, part))));
}

/** The first bytes of the recipient's id: tells shares of different secrets apart, and says when the secret is right. */
async function idOf(secret: Bytes): Promise<Bytes> {
  const { identity } = await projectKeyFrom(secret);
  const id = await recipientIdOf(identity.recipient);
  return (await sha256(utf8(`sealflow share v1 ${id}`))).slice(0, sizes.id);
}

async function format(body: Bytes): Promise<string> {
  return prefix + toBase64Url(concatBytes(body, await checksumOf(body)));
}

async function checksumOf(body: Uint8Array): Promise<Bytes> {
  return (await sha256(concatBytes(checksumDomain, body))).slice(0, sizes.checksum);
}

interface Share {
  readonly threshold: number;
  readonly id: Bytes;
  readonly part: Bytes;
}

async function parse(text: string): Promise<Share> {
  const bytes = text.startsWith(prefix) ? decode(text.slice(prefix.length)) : undefined;
  const length = sizes.threshold + sizes.id + sizes.share + sizes.checksum;
  const body = bytes?.slice(0, length - sizes.checksum);
  if (bytes?.length !== length || !body || !equalBytes(bytes.slice(body.length), await checksumOf(body))) {
    throw new SealflowError({
      code: "SEAL_SHARE_INVALID",
      message: `share: expected ${prefix} and 62 characters with their checksum, got ${text.length} characters that are not`,
      hint: "copy the whole line of the share's file",
    });
  }
  const idEnd = sizes.threshold + sizes.id;
  return { threshold: body[0] ?? 0, id: body.slice(sizes.threshold, idEnd), part: body.slice(idEnd) };
}

function decode(text: string): Bytes | undefined {
  try {
    return fromBase64Url(text);
  } catch (error) {
    if (isSealflowError(error)) return undefined;
    throw error;
  }
}

/**
 * Puts a secret together again.
 *
 * @throws SealflowError `SEAL_SHARE_INVALID` for a mistyped one, `SEAL_SHARES_MIXED` for shares of different secrets,
 *   `SEAL_SHARES_FEW`, `SEAL_SHARES_WRONG` when what they give is not the secret that was split.
 */
export async function combineShares(texts: readonly string[]): Promise<Bytes> {
  const all = await Promise.all(texts.map((text) => parse(text.trim())));
  const shares = all.filter((share, i) => all.findIndex(({ part }) => equalBytes(part, share.part)) === i);
  const [first] = shares;
  if (
    shares.some(({ id, threshold }) => !first || !equalBytes(id, first.id) || threshold !== first.threshold)
  ) {
    throw new SealflowError({
      code: "SEAL_SHARES_MIXED",
      message: "shares: expected shares of one secret, got several",
    });
  }
  if (first === undefined || shares.length < first.threshold) {
    const message = `shares: expected ${first?.threshold ?? "some"} different ones, got ${shares.length}`;
    throw new SealflowError({ code: "SEAL_SHARES_FEW", message });
  }
  const { combine } = await import("shamir-secret-sharing");
  const secret = new Uint8Array(await combine(shares.map(({ part }) => part)));
  if (secret.length === 32 && equalBytes(await idOf(secret), first.id)) return secret;
  throw new SealflowError({
    code: "SEAL_SHARES_WRONG",
    message: "shares: expected the secret that was split, got another one",
    hint: "one of the shares was changed: try with others",
  });
}
