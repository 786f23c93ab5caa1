/**
 * SIGSTRUCT, the signed description of an enclave. Source: Intel SDM, volume 3D, section 36.13 (layout) and section 37.2
 * (MRSIGNER).
 */
import { createHash } from "node:crypto";
import { fromHex, SealflowError, toHex } from "@sealflow/core";
import type { EnclaveSigner } from "./signer.js";

/** Bytes of a SIGSTRUCT. */
export const SIGSTRUCT_SIZE = 1808;

/** Bytes of an RSA-3072 modulus. */
const KEY_SIZE = 384;

/** Offsets in bytes. */
const at = {
  header: 0,
  vendor: 16,
  date: 20,
  header2: 24,
  modulus: 128,
  exponent: 512,
  signature: 516,
  miscSelect: 900,
  miscMask: 904,
  attributes: 928,
  attributesMask: 944,
  enclaveHash: 960,
  productId: 1024,
  svn: 1026,
  end: 1028,
  q1: 1040,
  q2: 1424,
} as const;

const HEADER = fromHex("06000000e10000000000010000000000");
const HEADER2 = fromHex("01010000600000006000000001000000");

/** Attribute bits (Intel SDM, volume 3D, section 36.7.1). */
const MODE64BIT = 4n;
const ALL = 0xffff_ffff_ffff_ffffn;

/** XFRM bits (Intel SDM, volume 1, section 13.1). */
const xfrm = {
  legacy: 0x3n,
  avx: 0x4n,
  avx512: 0xe4n,
  amx: 0x60000n,
  mpx: 0x18n,
  pkru: 0x200n,
} as const;

/** Bits that a quote must show as signed. Those of AVX, AVX-512 and AMX may differ between processors unless asked for. */
const XFRM_MASK = ALL & ~(xfrm.avx | xfrm.avx512 | xfrm.amx);

/** Whether an enclave needs, leaves open or forbids a feature of the processor. */
export type CpuFeature = "required" | "unspecified" | "disabled";

/** What a SIGSTRUCT says. */
export interface SigstructContent {
  /** MRENCLAVE, 64 hex digits. */
  readonly mrenclave: string;
  /** `sgx.isvprodid`, 16 bits. */
  readonly productId: number;
  /** `sgx.isvsvn`, 16 bits. */
  readonly svn: number;
  /** The day of signing. It is no part of the measurement; the same day gives the same bytes. */
  readonly date: Date;
  /** `sgx.cpu_features`; default: avx, avx512, amx unspecified, mpx and pkru disabled. */
  readonly cpuFeatures?: Readonly<Partial<Record<"avx" | "avx512" | "amx" | "mpx" | "pkru", CpuFeature>>>;
  /** `sgx.use_exinfo`: page faults are reported with their address. */
  readonly exinfo?: boolean;
}

/** A SIGSTRUCT and what policies need of it. */
export interface SignedEnclave {
  /** 1808 bytes: the file `*.sig`. */
  readonly sigstruct: Uint8Array;
  /** SHA-256 of the modulus, 64 hex digits. */
  readonly mrsigner: string;
}

/** Makes and signs a SIGSTRUCT. A debug enclave can't be described: there is no flag for it. */
export async function signEnclave(content: SigstructContent, signer: EnclaveSigner): Promise<SignedEnclave> {
  const structure = unsigned(content);
  const modulus = signer.modulus;
  if (modulus.length !== KEY_SIZE) throw new TypeError("modulus: expected 384 bytes");
  const signature = await signer.sign(Uint8Array.from(signedBytes(structure)));
  const n = fromBigEndian(modulus);
  const s = fromBigEndian(signature);
  structure.set(reversed(modulus), at.modulus);
  structure.writeUInt32LE(3, at.exponent);
  structure.set(littleEndian(s), at.signature);
  const q1 = (s * s) / n;
  structure.set(littleEndian(q1), at.q1);
  structure.set(littleEndian((s * s * s - q1 * s * n) / n), at.q2);
  return { sigstruct: structure, mrsigner: mrsignerOf(modulus) };
}

/** MRSIGNER of a key: SHA-256 of its modulus, least significant byte first. */
export function mrsignerOf(modulus: Uint8Array): string {
  return createHash("sha256").update(reversed(modulus)).digest("hex");
}

function unsigned(content: SigstructContent): Buffer {
  const structure = Buffer.alloc(SIGSTRUCT_SIZE);
  structure.set(HEADER, at.header);
  structure.writeUInt32LE(dateNumber(content.date), at.date);
  structure.set(HEADER2, at.header2);
  structure.writeUInt32LE(content.exinfo === true ? 1 : 0, at.miscSelect);
  structure.writeUInt32LE(0xffff_ffff, at.miscMask);
  const { value, mask } = xfrmOf(content.cpuFeatures ?? {});
  structure.writeBigUInt64LE(MODE64BIT, at.attributes);
  structure.writeBigUInt64LE(value, at.attributes + 8);
  structure.writeBigUInt64LE(ALL, at.attributesMask);
  structure.writeBigUInt64LE(mask, at.attributesMask + 8);
  structure.set(fromHex(content.mrenclave), at.enclaveHash);
  structure.writeUInt16LE(content.productId, at.productId);
  structure.writeUInt16LE(content.svn, at.svn);
  return structure;
}

/** Year, month and day as decimal digits of a hexadecimal number: 0x20261125. */
function dateNumber(date: Date): number {
  return Number.parseInt(date.toISOString().slice(0, 10).replaceAll("-", ""), 16);
}

function xfrmOf(features: NonNullable<SigstructContent["cpuFeatures"]>): { value: bigint; mask: bigint } {
  const wanted = { avx: "unspecified", avx512: "unspecified", amx: "unspecified", ...features };
  const state = { value: xfrm.legacy as bigint, mask: XFRM_MASK };
  for (const feature of ["avx", "avx512", "amx", "mpx", "pkru"] as const) {
    const bits = xfrm[feature];
    const how = wanted[feature] ?? "disabled";
    if (how === "required") state.value |= bits;
    if (how === "disabled") state.value &= ~bits;
    if (how !== "unspecified") state.mask |= bits;
  }
  return state;
}

/** What is signed: the first 128 bytes, and those from MISCSELECT to ISVSVN. */
function signedBytes(structure: Uint8Array): Uint8Array {
  return Buffer.concat([structure.subarray(0, at.modulus), structure.subarray(at.miscSelect, at.end)]);
}

function reversed(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes).reverse();
}

function fromBigEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes)}`);
}

function littleEndian(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(2 * KEY_SIZE, "0")).reverse();
}

/** What a SIGSTRUCT shows. */
export interface SigstructView {
  readonly mrenclave: string;
  readonly mrsigner: string;
  readonly productId: number;
  readonly svn: number;
  readonly debug: boolean;
  /** `YYYY-MM-DD` */
  readonly date: string;
}

/**
 * Reads a SIGSTRUCT. The signature is not verified: the processor does that, and quotes show what it accepted.
 *
 * @throws SealflowError `CLUSTER_SIGSTRUCT_INVALID`
 */
export function readSigstruct(bytes: Uint8Array): SigstructView {
  const structure = Buffer.from(bytes);
  const whole = structure.length === SIGSTRUCT_SIZE;
  if (!whole || !structure.subarray(0, 16).equals(HEADER) || !structure.subarray(24, 40).equals(HEADER2)) {
    throw new SealflowError({
      code: "CLUSTER_SIGSTRUCT_INVALID",
      message: `SIGSTRUCT: expected ${SIGSTRUCT_SIZE} bytes with the headers of the SDM, got ${whole ? "other headers" : `${bytes.length} bytes`}`,
    });
  }
  const digits = structure.readUInt32LE(at.date).toString(16).padStart(8, "0");
  return {
    mrenclave: structure.toString("hex", at.enclaveHash, at.enclaveHash + 32),
    mrsigner: createHash("sha256").update(structure.subarray(at.modulus, at.exponent)).digest("hex"),
    productId: structure.readUInt16LE(at.productId),
    svn: structure.readUInt16LE(at.svn),
    debug: (structure.readBigUInt64LE(at.attributes) & 2n) !== 0n,
    date: `${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}`,
  };
}
