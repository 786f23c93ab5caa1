/** What the browser test runs inside the page. */
import { fromBase64 } from "@sealflow/core";
import { type BundleVerdict, parseTrustFile, verifyBundle } from "../src/index.js";

/** Verifies a bundle (base64) under a trust file, and without one. */
export async function verifyBoth(bundle: string, trustFile: string): Promise<readonly BundleVerdict[]> {
  const encoded = fromBase64(bundle);
  return [await verifyBundle(encoded, { anchors: parseTrustFile(trustFile) }), await verifyBundle(encoded)];
}

/** Codes of the refusals of changed bundles: one flipped bit in each of so many places. */
export async function refuseFlips(
  bundle: string,
  trustFile: string,
  places: number,
): Promise<readonly string[]> {
  const anchors = parseTrustFile(trustFile);
  const encoded = fromBase64(bundle);
  const codes: string[] = [];
  for (let i = 0; i < places; i++) {
    const changed = encoded.slice();
    const at = Math.floor((i * changed.length) / places);
    changed[at] = (changed[at] ?? 0) ^ 1;
    const { verdict, code } = await verifyBundle(changed, { anchors });
    codes.push(verdict === "refused" ? (code ?? "") : verdict);
  }
  return codes;
}
