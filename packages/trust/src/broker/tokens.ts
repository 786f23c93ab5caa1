/**
 * Run ids and nonces: each holds its time and is authenticated by the broker, so that giving them out needs no memory
 * and survives a restart.
 */
import { canonicalJson, concatBytes, fromHex, type Random, toHex, utf8 } from "@sealflow/core";
import { failure } from "../failure.js";
import { type BrokerKeys, isTag, tag } from "./secrets.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** What tokens are made with. */
export interface TokenMaker {
  readonly keys: BrokerKeys;
  readonly random: Random;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/** How long an offered run id may wait for its registration: 24 hours. */
export const offerLifetime = 24 * 3_600_000;

/**
 * A run id: a UUID of version 8 (RFC 9562, section 5.8) with the time in its first 48 bits, 32 random ones, and 42 of a MAC
 * over both.
 */
export async function newRunId({ keys, random, now }: TokenMaker): Promise<string> {
  const bytes = concatBytes(time48(now), random.bytes(4), new Uint8Array(6));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  bytes.set(await tag(keys, "run", { message: bytes.slice(0, 10), length: 6 }), 10);
  const hex = toHex(bytes);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** @throws SealflowError `TRUST_RUN_UNKNOWN`, `TRUST_RUN_OFFER_EXPIRED` */
export async function requireOffered(
  runId: string,
  { keys, now }: Omit<TokenMaker, "random">,
): Promise<void> {
  const bytes = fromHex(runId.replaceAll("-", ""));
  if (!(await isTag(keys, "run", { message: bytes.slice(0, 10), tag: bytes.slice(10) }))) {
    throw failure("TRUST_RUN_UNKNOWN", "run id", { expected: "one that this broker offered", got: runId });
  }
  const offered = timeOf(bytes);
  if (now >= offered + offerLifetime) {
    throw failure("TRUST_RUN_OFFER_EXPIRED", "run id", {
      expected: `a registration before ${new Date(offered + offerLifetime).toISOString()}`,
      got: new Date(now).toISOString(),
    });
  }
}

/** What a nonce is for: nothing else accepts it. */
export interface NoncePurpose {
  readonly registration: string;
  readonly path: string;
  readonly attempt: number;
}

/** A nonce: expiry in 6 bytes, 10 random ones, and 16 of a MAC over both and the purpose. Hex. */
export async function newNonce(
  purpose: NoncePurpose,
  { keys, random, now }: TokenMaker,
  lifetime: number,
): Promise<{ readonly nonce: string; readonly expiresAt: number }> {
  const expiresAt = now + lifetime;
  const head = concatBytes(time48(expiresAt), random.bytes(10));
  const mac = await tag(keys, "nonce", { message: nonceMessage(head, purpose), length: 16 });
  return { nonce: toHex(concatBytes(head, mac)), expiresAt };
}

/** @throws SealflowError `TRUST_NONCE_UNKNOWN`, `TRUST_NONCE_EXPIRED` */
export async function requireNonce(
  nonce: string,
  purpose: NoncePurpose,
  { keys, now }: Omit<TokenMaker, "random">,
): Promise<void> {
  const bytes = fromHex(nonce);
  const head = bytes.slice(0, 16);
  if (!(await isTag(keys, "nonce", { message: nonceMessage(head, purpose), tag: bytes.slice(16) }))) {
    throw failure("TRUST_NONCE_UNKNOWN", `task ${purpose.path}, attempt ${purpose.attempt}`, {
      expected: "a nonce that this broker gave for it",
      got: "another",
    });
  }
  if (now >= timeOf(bytes)) {
    throw failure("TRUST_NONCE_EXPIRED", `task ${purpose.path}, attempt ${purpose.attempt}`, {
      expected: `evidence before ${new Date(timeOf(bytes)).toISOString()}`,
      got: new Date(now).toISOString(),
    });
  }
}

function nonceMessage(head: Bytes, { registration, path, attempt }: NoncePurpose): Bytes {
  return concatBytes(head, utf8(canonicalJson([registration, path, attempt])));
}

function time48(time: number): Bytes {
  return fromHex(Math.trunc(time).toString(16).padStart(12, "0"));
}

function timeOf(bytes: Bytes): number {
  return Number.parseInt(toHex(bytes.slice(0, 6)), 16);
}
