import { describe, expect, it } from "vitest";
import { type SgxVerdict, verifySgxQuote } from "../src/index.js";
import { readBundle, vectors } from "./vectors.js";

const name = "C_automata_00606A000000_2025-09";
/** All bytes and several flips in the slow suite, one position in seven by default. */
const slow = process.env.SEALFLOW_SLOW !== undefined;

/** What an accepting verdict says; it must not depend on bytes that no signature covers. */
function claims({ verdict, status, enclave, platform }: SgxVerdict) {
  return { verdict, status, enclave, platform };
}

describe.skipIf(!vectors)("a real quote", () => {
  it("with any byte changed is refused", { timeout: 600_000 }, async () => {
    const { quote, ...rest } = readBundle(name);
    const survivors: number[] = [];
    for (let offset = 0; offset < quote.length; offset += slow ? 1 : 7) {
      for (const flip of slow ? [0x01, 0x20, 0x80, 0xff] : [0x01]) {
        const mutated = Uint8Array.from(quote);
        mutated[offset] = (quote[offset] ?? 0) ^ flip;
        const { verdict } = await verifySgxQuote({ ...rest, quote: mutated });
        if (verdict === "accept") survivors.push(offset);
      }
    }
    expect(survivors).toEqual([]);
  });

  it("cut anywhere, or with anything after it, is refused", async () => {
    const { quote, ...rest } = readBundle(name);
    for (let length = 0; length < quote.length; length += slow ? 1 : 41) {
      expect((await verifySgxQuote({ ...rest, quote: quote.slice(0, length) })).verdict).toBe("refuse");
    }
    const longer = Uint8Array.from([...quote, 0]);
    expect((await verifySgxQuote({ ...rest, quote: longer })).code).toBe("ATTEST_QUOTE_MALFORMED");
    const huge = new Uint8Array(70_000);
    expect((await verifySgxQuote({ ...rest, quote: huge })).code).toBe("ATTEST_QUOTE_MALFORMED");
  });

  it("is judged the same without the list's issuer chain, which is not read", async () => {
    const { quote, collateral, at } = readBundle(name);
    const { pck_crl_issuer_chain: _, ...rest } = collateral;
    const [whole, without] = [
      await verifySgxQuote({ quote, collateral, at }),
      await verifySgxQuote({ quote, collateral: rest, at }),
    ];
    expect(claims(without)).toEqual(claims(whole));
  });
});

describe("collateral and quotes from a random source", () => {
  it("give refusals, never exceptions", { timeout: 600_000 }, async () => {
    for (let i = 0; i < (slow ? 1_000_000 : 300); i++) {
      const quote = crypto.getRandomValues(new Uint8Array(Math.floor((i * 37) % 1500)));
      if (quote.length > 48) quote.set([3, 0, 2, 0, 0, 0, 0, 0, 5, 0, 10, 0]);
      expect((await verifySgxQuote({ quote, collateral: null, at: 0 })).verdict).toBe("refuse");
    }
  });
});
