/** The public verifiers as oracles: where they and this one differ, this one is stricter, for the reason given. */
import { QuoteVerifier, verify } from "@phala/dcap-qvl";
import { describe, expect, it } from "vitest";
import { trustRootFromCertificate, verifySgxQuote } from "../src/index.js";
import { bundleNames, readBundle, readBytes, syntheticCases, type Vector, vectors } from "./vectors.js";

type Oracle = (quote: Buffer, collateral: object, seconds: number) => { status: string };

function oracleVerdict(oracle: Oracle, { quote, collateral, at }: Vector): string {
  const lists = {
    root_ca_crl: Buffer.from(collateral.root_ca_crl ?? "", "hex"),
    pck_crl: Buffer.from(collateral.pck_crl ?? "", "hex"),
    tcb_info_signature: Buffer.from(collateral.tcb_info_signature ?? "", "hex"),
    qe_identity_signature: Buffer.from(collateral.qe_identity_signature ?? "", "hex"),
  };
  try {
    return oracle(Buffer.from(quote), { ...collateral, ...lists }, at / 1000).status;
  } catch {
    return "refuse";
  }
}

/** Cases that only the oracle accepts. */
const differences: Record<string, string> = {
  D_mixed_eval_release_00906ED50000_tcb19_qe17: "it does not compare the evaluation numbers",
  no_init_bit: "it does not look at INIT",
  crl_future: "it does not look at the times of revocation lists",
  crl_forged_empty: "it does not verify the signatures of revocation lists",
  crl_missing: "it takes a list that can't be read for an empty one",
  mixed_eval_numbers: "it does not compare the evaluation numbers",
  vendor_unknown: "it does not look at the vendor id",
};

describe.skipIf(!vectors)("beside the npm verifier", () => {
  it("genuine quotes get the same status, but for the differences listed", async () => {
    for (const name of bundleNames()) {
      const vector = readBundle(name);
      const ours = await verifySgxQuote(vector);
      const theirs = oracleVerdict(verify as unknown as Oracle, vector);
      const own = ours.verdict === "accept" ? `${ours.status}` : "refuse";
      expect(own === theirs || (own === "refuse" && name in differences), `${name}: ${own}, ${theirs}`).toBe(
        true,
      );
    }
  });

  it("cases under a test root differ exactly where listed", async () => {
    const certificate = readBytes("synthetic", "test-root-ca.der");
    const verifier = QuoteVerifier.newWithRootCa(Buffer.from(certificate));
    const differing: string[] = [];
    for (const vector of syntheticCases()) {
      const ours = await verifySgxQuote({ ...vector, root: trustRootFromCertificate(certificate) });
      const theirs = oracleVerdict(verifier.verify.bind(verifier) as unknown as Oracle, vector);
      const own = ours.verdict === "accept" ? `${ours.status}` : "refuse";
      if (own !== theirs) differing.push(vector.name);
    }
    expect(differing.sort()).toEqual(
      Object.keys(differences)
        .filter((name) => !name.startsWith("D_"))
        .sort(),
    );
  });
});

/** Cases that only the Rust verifier accepts. */
const rustDifferences: Record<string, string> = {
  D_mixed_eval_release_00906ED50000_tcb19_qe17: "it does not compare the evaluation numbers",
  no_init_bit: "it does not look at INIT",
  crl_future: "it does not look at when revocation lists begin",
  mixed_eval_numbers: "it does not compare the evaluation numbers",
};

describe.skipIf(!vectors)("beside the Rust verifier, as it was recorded", () => {
  it("genuine quotes get the same status and advisories, but for the differences listed", async () => {
    const differing: string[] = [];
    for (const name of bundleNames()) {
      const vector = readBundle(name);
      const { verdict, status, advisories } = await verifySgxQuote(vector);
      const [word, theirs = "", ids = ""] = vector.rust.split(" ");
      const recorded = word === "ACCEPT" ? [theirs, ...ids.split(",").sort()] : ["refuse"];
      const own = verdict === "accept" ? [`${status}`, ...[...advisories].sort()] : ["refuse"];
      if (`${own}` !== `${recorded}`) differing.push(name);
    }
    expect(differing).toEqual(Object.keys(rustDifferences).filter((name) => name.startsWith("D_")));
  });

  it("cases under a test root differ exactly where listed", async () => {
    const root = trustRootFromCertificate(readBytes("synthetic", "test-root-ca.der"));
    const differing: string[] = [];
    for (const vector of syntheticCases()) {
      const ours = await verifySgxQuote({ ...vector, root });
      const own = ours.verdict === "accept" ? `accept:${ours.status}` : "refuse";
      if (!vector.rust.startsWith(own)) differing.push(vector.name);
    }
    const listed = Object.keys(rustDifferences).filter((name) => !name.startsWith("D_"));
    expect(differing.sort()).toEqual(listed.sort());
  });
});
