/** Certificates and revocation lists of a simulated hierarchy: Intel's shapes, another vendor's name. */
import { concatBytes, type Random, toBase64 } from "@sealflow/core";
import {
  derBitString,
  derInteger,
  derName,
  derNumber,
  derOctets,
  derOid,
  derSequence,
  derTime,
  derTrue,
  derValue,
} from "../der/writer.js";

type Bytes = Uint8Array<ArrayBuffer>;

const organisation = "SIMULATED - NOT INTEL";
const algorithm = derSequence(derOid("1.2.840.10045.4.3.2"));
const curve = { name: "ECDSA", namedCurve: "P-256" } as const;

/** What a certificate of the hierarchy is for. */
export type Role = "Root CA" | "PCK Platform CA" | "PCK Certificate" | "TCB Signing";

/** A key pair and its names. */
export interface Holder {
  readonly role: Role;
  readonly privateKey: CryptoKey;
  /** DER of SubjectPublicKeyInfo. */
  readonly publicKeyInfo: Bytes;
  /** x and y, 32 bytes each. */
  readonly point: Bytes;
}

/** A fresh key pair for a role; the private key can be exported, since it protects nothing. */
export async function newHolder(role: Role): Promise<Holder> {
  const pair = await crypto.subtle.generateKey(curve, true, ["sign", "verify"]);
  return holderOf(role, pair.privateKey, pair.publicKey);
}

async function holderOf(role: Role, privateKey: CryptoKey, publicKey: CryptoKey): Promise<Holder> {
  const publicKeyInfo = new Uint8Array(await crypto.subtle.exportKey("spki", publicKey));
  const point = new Uint8Array(await crypto.subtle.exportKey("raw", publicKey)).slice(1);
  return { role, privateKey, publicKeyInfo, point };
}

/** The private key of a holder, PKCS #8. */
export async function exportHolder({ privateKey }: Holder): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey));
}

/** The holder of an exported private key. */
export async function importHolder(role: Role, pkcs8: Bytes): Promise<Holder> {
  const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, curve, true, ["sign"]);
  const { d: _, key_ops: __, ...open } = await crypto.subtle.exportKey("jwk", privateKey);
  const publicKey = await crypto.subtle.importKey("jwk", open, curve, true, ["verify"]);
  return holderOf(role, privateKey, publicKey);
}

/** ECDSA with SHA-256: r and s, 32 bytes each. */
export async function signRaw(holder: Holder, message: Bytes): Promise<Bytes> {
  const scheme = { name: "ECDSA", hash: "SHA-256" };
  return new Uint8Array(await crypto.subtle.sign(scheme, holder.privateKey, message));
}

function nameOf(role: Role): Bytes {
  return derName(`Simulated SGX ${role}`, organisation);
}

async function signDer(holder: Holder, tbs: Bytes): Promise<Bytes> {
  const raw = await signRaw(holder, tbs);
  const signature = derSequence(derInteger(raw.slice(0, 32)), derInteger(raw.slice(32)));
  return derSequence(tbs, algorithm, derBitString(signature));
}

/** Times in milliseconds since the Unix epoch. */
export interface Period {
  readonly from: number;
  readonly until: number;
}

/** Issues a certificate. `extra` are further extensions in DER. */
export async function issueCertificate(
  subject: Holder,
  issuer: Holder,
  options: Period & { readonly random: Random; readonly extra?: readonly Bytes[] },
): Promise<Bytes> {
  const extensions = [...rights(subject.role), ...(options.extra ?? [])];
  const tbs = derSequence(
    derValue(0xa0, derNumber(2)),
    derInteger(concatBytes(Uint8Array.of(1), options.random.bytes(15))),
    algorithm,
    nameOf(issuer.role),
    derSequence(derTime(options.from), derTime(options.until)),
    nameOf(subject.role),
    subject.publicKeyInfo,
    derValue(0xa3, derSequence(...extensions)),
  );
  return signDer(issuer, tbs);
}

function rights(role: Role): Bytes[] {
  const authority = role === "Root CA" || role === "PCK Platform CA";
  const constraints = authority ? [derTrue, derNumber(role === "Root CA" ? 1 : 0)] : [];
  const usage = authority ? derBitString(Uint8Array.of(0x06), 1) : derBitString(Uint8Array.of(0xc0), 6);
  return [
    derSequence(derOid("2.5.29.19"), derTrue, derOctets(derSequence(...constraints))),
    derSequence(derOid("2.5.29.15"), derTrue, derOctets(usage)),
  ];
}

/** Issues a revocation list. `revoked` are contents of serial numbers. */
export async function issueRevocationList(
  issuer: Holder,
  period: Period,
  revoked: readonly Bytes[] = [],
): Promise<Bytes> {
  const entries = revoked.map((serial) => derSequence(derInteger(serial), derTime(period.from)));
  const number = derSequence(derOid("2.5.29.20"), derOctets(derNumber(1)));
  const tbs = derSequence(
    derNumber(1),
    algorithm,
    nameOf(issuer.role),
    derTime(period.from),
    derTime(period.until),
    ...(entries.length > 0 ? [derSequence(...entries)] : []),
    derValue(0xa0, derSequence(number)),
  );
  return signDer(issuer, tbs);
}

/** PEM text of a certificate. */
export function toPem(der: Bytes): string {
  const lines = toBase64(der).match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
