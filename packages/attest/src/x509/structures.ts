/** What certificates and revocation lists share: algorithm identifiers, names, extensions. */
import { DerReader, type DerValue, malformed, tag } from "../der/reader.js";
import { readBoolean, readOid, readString } from "../der/values.js";

const ecdsaWithSha256 = "1.2.840.10045.4.3.2";
const commonNameOid = "2.5.4.3";

/** Reads a signature algorithm, which must be ECDSA with SHA-256 and no parameters (RFC 5758, section 3.2). */
export function readSignatureAlgorithm(reader: DerReader): void {
  const inner = reader.enter(tag.sequence);
  const oid = readOid(inner);
  if (oid !== ecdsaWithSha256) throw malformed("signature algorithm ecdsa-with-SHA256", oid);
  inner.end();
}

/** A distinguished name: compared by its encoding, shown by its common name. */
export interface Name {
  readonly encoding: Uint8Array<ArrayBuffer>;
  readonly commonName: string;
}

/** Reads a name that has exactly one common name. */
export function readName(reader: DerReader): Name {
  const value = reader.readAny();
  if (value.tag !== tag.sequence) throw malformed("a name", `tag 0x${value.tag.toString(16)}`);
  const commonNames = readAttributes(value)
    .filter(([oid]) => oid === commonNameOid)
    .map(([, text]) => text);
  const [commonName] = commonNames;
  if (commonName === undefined || commonNames.length !== 1) {
    throw malformed("a name with one common name", `${commonNames.length}`);
  }
  return { encoding: value.encoding, commonName };
}

function readAttributes(name: DerValue): [string, string][] {
  const attributes: [string, string][] = [];
  const sets = new DerReader(name.content);
  while (!sets.done) {
    const set = sets.enter(tag.set);
    const attribute = set.enter(tag.sequence);
    attributes.push([readOid(attribute), readString(attribute)]);
    attribute.end();
    set.end();
  }
  return attributes;
}

/** An extension: whether it is critical, and the DER inside. */
export interface Extension {
  readonly critical: boolean;
  readonly value: Uint8Array<ArrayBuffer>;
}

/**
 * Reads a list of extensions, each at most once. One that is critical and not named in `understood` is refused
 * (RFC 5280, sections 4.2 and 5.2).
 */
export function readExtensions(reader: DerReader, understood: ReadonlySet<string>): Map<string, Extension> {
  const extensions = new Map<string, Extension>();
  while (!reader.done) {
    const item = reader.enter(tag.sequence);
    const oid = readOid(item);
    const critical = item.nextTag === tag.boolean && readCritical(item);
    const { content } = item.read(tag.octetString);
    item.end();
    if (extensions.has(oid)) throw malformed(`extension ${oid} once`, "twice");
    if (critical && !understood.has(oid)) throw malformed("no unknown critical extension", oid);
    extensions.set(oid, { critical, value: content });
  }
  return extensions;
}

function readCritical(item: DerReader): boolean {
  if (!readBoolean(item)) throw malformed("an omitted default", "an explicit false");
  return true;
}
