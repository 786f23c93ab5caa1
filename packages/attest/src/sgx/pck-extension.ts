/** The SGX extension of a PCK certificate (Intel SGX PCK Certificate and CRL Profile, section 1.3.5). */
import { toHex } from "@sealflow/core";
import { DerReader, malformed, tag } from "../der/reader.js";
import { readOid, readSmallInteger } from "../der/values.js";
import type { Certificate } from "../x509/certificate.js";

const base = "1.2.840.113741.1.13.1";

/** The platform that a PCK certificate is for. */
export interface PckPlatform {
  /** Lower-case hex of 16 bytes: which processor package. */
  readonly ppid: string;
  /** SVN of each of the 16 TCB components. */
  readonly components: readonly number[];
  readonly pceSvn: number;
  /** Lower-case hex of 2 bytes. */
  readonly pceId: string;
  /** Lower-case hex of 6 bytes: family, model, stepping, platform type, custom SKU. */
  readonly fmspc: string;
}

/** Reads the platform out of a PCK certificate; every field exactly once. */
export function readPckPlatform(certificate: Certificate): PckPlatform {
  const extension = certificate.extensions.get(base);
  if (!extension) throw malformed("the SGX extension in the PCK certificate", "none");
  const fields = readFields(onlySequence(extension.value), base);
  const tcb = readFields(field(fields, 2), `${base}.2`);
  const components = Array.from({ length: 16 }, (_, i) => smallField(tcb, i + 1, 255));
  return {
    ppid: octets(fields, 1, 16),
    components,
    pceSvn: smallField(tcb, 17, 65_535),
    pceId: octets(fields, 3, 2),
    fmspc: octets(fields, 4, 6),
  };
}

function onlySequence(bytes: Uint8Array<ArrayBuffer>): DerReader {
  const outer = new DerReader(bytes);
  const inner = outer.enter(tag.sequence);
  outer.end();
  return inner;
}

type Fields = ReadonlyMap<number, Uint8Array<ArrayBuffer>>;

function readFields(reader: DerReader, prefix: string): Fields {
  const fields = new Map<number, Uint8Array<ArrayBuffer>>();
  while (!reader.done) {
    const item = reader.enter(tag.sequence);
    const oid = readOid(item);
    const number = oid.startsWith(`${prefix}.`) ? Number(oid.slice(prefix.length + 1)) : Number.NaN;
    if (!Number.isInteger(number) || fields.has(number)) throw malformed(`one ${prefix}.n each`, oid);
    fields.set(number, item.readAny().encoding);
    item.end();
  }
  return fields;
}

function field(fields: Fields, number: number): DerReader {
  const encoding = fields.get(number);
  if (!encoding) throw malformed(`field ${number} of the SGX extension`, "none");
  return number === 2 ? onlySequence(encoding) : new DerReader(encoding);
}

function octets(fields: Fields, number: number, length: number): string {
  const { content } = field(fields, number).read(tag.octetString);
  if (content.length !== length) throw malformed(`${length} bytes in field ${number}`, `${content.length}`);
  return toHex(content);
}

function smallField(fields: Fields, number: number, maximum: number): number {
  const encoding = fields.get(number);
  if (!encoding) throw malformed(`TCB component ${number}`, "none");
  const value = readSmallInteger(new DerReader(encoding));
  if (value > maximum) throw malformed(`a TCB component up to ${maximum}`, `${value}`);
  return value;
}
