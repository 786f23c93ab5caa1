/** Certificate revocation lists of version 2 (RFC 5280, section 5). Delta and indirect lists are refused. */
import { toHex } from "@sealflow/core";
import { type DerReader, malformed, tag } from "../der/reader.js";
import { readIntegerBytes, readSmallInteger, readTime } from "../der/values.js";
import { readSigned, type SignedPart } from "./signed.js";
import { type Name, readExtensions, readName, readSignatureAlgorithm } from "./structures.js";

/** A parsed revocation list. */
export interface RevocationList extends SignedPart {
  readonly issuer: Name;
  /** Milliseconds since the Unix epoch. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** Hex of the serial numbers' INTEGER contents. */
  readonly revoked: ReadonlySet<string>;
}

/** Extensions that change what a list means are critical; none of them is understood here. */
const understood = new Set<string>();
/** Not critical in every list, yet they limit or redirect it: issuing distribution point, delta indicator. */
const limiting = ["2.5.29.28", "2.5.29.27"];

/** Parses one list and nothing after it. */
export function parseRevocationList(der: Uint8Array<ArrayBuffer>): RevocationList {
  const { content, ...signed } = readSigned(der);
  return { ...signed, ...readTbs(content) };
}

function readTbs(reader: DerReader): Omit<RevocationList, keyof SignedPart> {
  if (readSmallInteger(reader) !== 1) throw malformed("revocation list version 2", "another");
  readSignatureAlgorithm(reader);
  const issuer = readName(reader);
  const thisUpdate = readTime(reader);
  const nextUpdate = readTime(reader);
  const revoked = new Set<string>();
  if (reader.nextTag === tag.sequence) readEntries(reader.enter(tag.sequence), revoked);
  const wrapper = reader.enter(0xa0);
  const extensions = readExtensions(wrapper.enter(tag.sequence), understood);
  wrapper.end();
  reader.end();
  const limited = limiting.find((oid) => extensions.has(oid));
  if (limited) throw malformed("a complete revocation list", `extension ${limited}`);
  return { issuer, thisUpdate, nextUpdate, revoked };
}

function readEntries(reader: DerReader, revoked: Set<string>): void {
  if (reader.done) throw malformed("an omitted empty list", "an empty one");
  while (!reader.done) {
    const entry = reader.enter(tag.sequence);
    revoked.add(toHex(readIntegerBytes(entry)));
    readTime(entry);
    if (!entry.done) readExtensions(entry.enter(tag.sequence), understood);
    entry.end();
  }
}
