/** X.509 certificates of version 3 with P-256 keys (RFC 5280, section 4). */
import { DerReader, malformed, tag } from "../der/reader.js";
import {
  readBitStringBytes,
  readBoolean,
  readIntegerBytes,
  readNamedBits,
  readOid,
  readSmallInteger,
  readTime,
} from "../der/values.js";
import { readSigned, type SignedPart } from "./signed.js";
import { type Extension, type Name, readExtensions, readName, readSignatureAlgorithm } from "./structures.js";

const ecPublicKey = "1.2.840.10045.2.1";
const prime256v1 = "1.2.840.10045.3.1.7";
const basicConstraintsOid = "2.5.29.19";
const keyUsageOid = "2.5.29.15";
const understood = new Set([basicConstraintsOid, keyUsageOid]);

/** A parsed certificate. */
export interface Certificate extends SignedPart {
  /** Content of the serial number's INTEGER. */
  readonly serial: Uint8Array<ArrayBuffer>;
  readonly issuer: Name;
  readonly subject: Name;
  /** Milliseconds since the Unix epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** DER of SubjectPublicKeyInfo. */
  readonly publicKeyInfo: Uint8Array<ArrayBuffer>;
  /** Uncompressed point. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  readonly isAuthority: boolean;
  readonly pathLength: number | undefined;
  /** Bits of keyUsage, digitalSignature first; empty when the extension is missing. */
  readonly keyUsage: readonly boolean[];
  readonly extensions: ReadonlyMap<string, Extension>;
}

/** Largest certificate that is read, in bytes. */
const maximumSize = 16 * 1024;

/** Parses one certificate and nothing after it. */
export function parseCertificate(der: Uint8Array<ArrayBuffer>): Certificate {
  if (der.length > maximumSize)
    throw malformed(`a certificate of at most ${maximumSize} bytes`, `${der.length}`);
  const { content, ...signed } = readSigned(der);
  return { ...signed, ...readTbs(content) };
}

function readTbs(reader: DerReader): Omit<Certificate, keyof SignedPart> {
  const version = reader.enter(0xa0);
  if (readSmallInteger(version) !== 2) throw malformed("certificate version 3", "another");
  version.end();
  const serial = readIntegerBytes(reader);
  readSignatureAlgorithm(reader);
  const issuer = readName(reader);
  const [notBefore, notAfter] = readValidity(reader.enter(tag.sequence));
  const subject = readName(reader);
  const { publicKeyInfo, publicKey } = readPublicKey(reader);
  const wrapper = reader.enter(0xa3);
  reader.end();
  const extensions = readExtensions(wrapper.enter(tag.sequence), understood);
  wrapper.end();
  const names = { issuer, subject };
  return {
    serial,
    ...names,
    notBefore,
    notAfter,
    publicKeyInfo,
    publicKey,
    ...readConstraints(extensions.get(basicConstraintsOid)),
    keyUsage: readUsage(extensions.get(keyUsageOid)),
    extensions,
  };
}

function readValidity(reader: DerReader): [number, number] {
  const validity: [number, number] = [readTime(reader), readTime(reader)];
  reader.end();
  return validity;
}

function readPublicKey(reader: DerReader): Pick<Certificate, "publicKeyInfo" | "publicKey"> {
  const { content, encoding } = reader.read(tag.sequence);
  const inner = new DerReader(content);
  const algorithm = inner.enter(tag.sequence);
  if (readOid(algorithm) !== ecPublicKey || readOid(algorithm) !== prime256v1) {
    throw malformed("a P-256 key", "another kind");
  }
  algorithm.end();
  const publicKey = readBitStringBytes(inner);
  inner.end();
  if (publicKey.length !== 65 || publicKey[0] !== 4) throw malformed("an uncompressed point", "another form");
  return { publicKeyInfo: encoding, publicKey };
}

function readConstraints(extension: Extension | undefined): Pick<Certificate, "isAuthority" | "pathLength"> {
  if (!extension) return { isAuthority: false, pathLength: undefined };
  const outer = new DerReader(extension.value);
  const reader = outer.enter(tag.sequence);
  outer.end();
  const isAuthority = reader.nextTag === tag.boolean && readBoolean(reader);
  const pathLength = reader.nextTag === tag.integer ? readSmallInteger(reader) : undefined;
  reader.end();
  return { isAuthority, pathLength };
}

function readUsage(extension: Extension | undefined): readonly boolean[] {
  if (!extension) return [];
  const reader = new DerReader(extension.value);
  const bits = readNamedBits(reader);
  reader.end();
  return bits;
}

/** Positions of keyUsage (RFC 5280, section 4.2.1.3). */
export const keyUsageBit = { digitalSignature: 0, keyCertSign: 5, crlSign: 6 } as const;
