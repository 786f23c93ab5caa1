import { fromHex, toHex } from "@sealflow/core";
import { describe, expect, it } from "vitest";
import { formatRecipient, hpkeSeal, parseRecipient, projectKeyFrom, sealArtifact } from "../src/index.js";
import { collect, reproducible } from "./random.js";

const random = reproducible("recipients");

/** The points of small order and their other spellings (RFC 7748, section 6.1: all give zero as the shared secret). */
const smallOrder = [
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  `ec${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
].map(fromHex);

describe("recipients", () => {
  it("survive their text", async () => {
    const { recipient } = (await projectKeyFrom(random.bytes(32))).identity;
    expect(toHex(await parseRecipient(await formatRecipient(recipient)))).toBe(toHex(recipient));
  });

  it.each(smallOrder.map((key) => [toHex(key).slice(0, 8), key] as const))(
    "of small order, here %s…, are refused: anybody could open what is sealed to them",
    async (_, key) => {
      const recipient = await parseRecipient(await formatRecipient(key));
      const refusal = { code: "SEAL_RECIPIENT_INVALID", message: expect.stringContaining(toHex(key)) };
      const info = new Uint8Array(1);
      const message = { plaintext: new Uint8Array(32), recipient, random };
      await expect(hpkeSeal(message, { info })).rejects.toMatchObject(refusal);
      const sealing = collect(sealArtifact([new Uint8Array(9)], { recipients: [recipient], random }));
      await expect(sealing).rejects.toMatchObject(refusal);
    },
  );
});
