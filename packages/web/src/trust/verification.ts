/** Verifications in this page, with the anchors that were given in its session. */
import { signal } from "@preact/signals";
import { type BundleVerdict, parseTrustFile, verifyBundle } from "@sealflow/trust";

/** A file that somebody gave. */
export interface Given {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The trust file of this session: in memory, gone with the page. */
export const trustFile = signal<Given | undefined>(undefined);

/** Reads a file. */
export async function readGiven(file: File): Promise<Given> {
  return { name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) };
}

/** A trust file is text that says so; everything else is taken for a bundle, which the verification then judges. */
export function isTrustFile({ name, bytes }: Given): boolean {
  if (/\.ya?ml$/i.test(name)) return true;
  return (
    bytes.length < 1_000_000 && /sealflow\.trust\/v1/.test(new TextDecoder().decode(bytes.slice(0, 4096)))
  );
}

/** Verifies a bundle with the anchors that were given. @throws SealflowError `TRUST_ANCHORS_INVALID` */
export async function judge(bundle: Uint8Array): Promise<BundleVerdict> {
  const { value: trust } = trustFile;
  if (trust === undefined) return verifyBundle(bundle);
  const anchors = parseTrustFile(new TextDecoder().decode(trust.bytes), trust.name);
  return verifyBundle(bundle, { anchors });
}
