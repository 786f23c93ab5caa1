import { describe, expect, it } from "vitest";
import { azureThim, createCollateralFetcher, intelPcs, verifySgxQuote } from "../src/index.js";
import { readBundle, vectors } from "./vectors.js";

describe.skipIf(!vectors)("fetched collateral", () => {
  if (!vectors) return;
  const bundle = readBundle("C_automata_00606A000000_2025-09");
  const { collateral } = bundle;
  const der = (hex = "") => Uint8Array.from(Buffer.from(hex, "hex"));
  const asked: string[] = [];
  const chain = (name: string, text = "") => ({ headers: { [name]: encodeURIComponent(text) } });
  const answers: Record<string, () => Response> = {
    "/tcb": () =>
      new Response(
        `{"tcbInfo":${collateral.tcb_info},"signature":"${collateral.tcb_info_signature}"}`,
        chain("TCB-Info-Issuer-Chain", collateral.tcb_info_issuer_chain),
      ),
    "/qe/identity": () =>
      new Response(
        `{"enclaveIdentity":${collateral.qe_identity},"signature":"${collateral.qe_identity_signature}"}`,
        chain("SGX-Enclave-Identity-Issuer-Chain", collateral.qe_identity_issuer_chain),
      ),
    "/pckcrl": () => new Response(der(collateral.pck_crl)),
    "/IntelSGXRootCA.der": () => new Response(der(collateral.root_ca_crl)),
  };
  const fetch = async (input: string | URL | Request) => {
    const url = new URL(`${input}`);
    asked.push(`${url}`);
    const path = Object.keys(answers).find((each) => url.pathname.endsWith(each)) ?? "";
    return answers[path]?.() ?? new Response("", { status: 404 });
  };
  const request = { fmspc: "00606A000000", authority: "platform" } as const;

  it("is what the verifier takes, and is asked for once while it is current", async () => {
    let now = bundle.at;
    asked.length = 0;
    const get = createCollateralFetcher({ fetch, clock: { now: () => now } });
    const fetched = await get(request);
    expect((await verifySgxQuote({ ...bundle, collateral: fetched })).verdict).toBe("accept");
    await get(request);
    expect(asked).toHaveLength(4);
    expect(asked.filter((url) => url.startsWith(intelPcs.api))).toHaveLength(3);
    now += 90_000_000;
    await get(request);
    expect(asked).toHaveLength(8);
  });

  it("comes from Azure when that is the service", async () => {
    asked.length = 0;
    await createCollateralFetcher({ fetch, clock: { now: () => bundle.at }, service: azureThim })(request);
    expect(asked.filter((url) => url.startsWith(azureThim.api))).toHaveLength(3);
  });

  it("is an error when the service fails or answers something else, and is asked for again", async () => {
    const failing = { fetch: async () => new Response("", { status: 503 }), clock: { now: () => 0 } };
    await expect(createCollateralFetcher(failing)(request)).rejects.toMatchObject({
      code: "ATTEST_COLLATERAL_UNREACHABLE",
    });
    const offline = { fetch: () => Promise.reject(new Error("no route")), clock: { now: () => 0 } };
    await expect(createCollateralFetcher(offline)(request)).rejects.toMatchObject({
      code: "ATTEST_COLLATERAL_UNREACHABLE",
    });
    const odd = { fetch: async () => new Response("<html>"), clock: { now: () => 0 } };
    await expect(createCollateralFetcher(odd)(request)).rejects.toMatchObject({
      code: "ATTEST_COLLATERAL_ANSWER",
    });
  });
});
