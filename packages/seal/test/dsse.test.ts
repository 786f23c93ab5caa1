import { canonicalJson, fromHex, fromUtf8, keyIdOf, toBase64, toHex, utf8 } from "@sealflow/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addSignature,
  type Envelope,
  encodeEnvelope,
  parseEnvelope,
  signEnvelope,
  signerFromSeed,
  verifyEnvelope,
} from "../src/index.js";

const payloadType = "application/vnd.sealflow.test+json";
const payload = utf8('{"a":1}');
const seed = (byte: number) => new Uint8Array(32).fill(byte);
const [alice, bob, carol] = await Promise.all([1, 2, 3].map((byte) => signerFromSeed(seed(byte))));
if (!alice || !bob || !carol) throw new Error("signers");

describe("signing", () => {
  it("derives the public key of RFC 8032, test 1", async () => {
    const signer = await signerFromSeed(
      fromHex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
    );
    expect(toHex(signer.publicKey)).toBe("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    expect(toHex(await signer.sign(new Uint8Array(0)))).toBe(
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    );
  });

  it("signs the specification's pre-authentication encoding", async () => {
    const messages: string[] = [];
    const spy = {
      publicKey: alice.publicKey,
      sign: async (message: Uint8Array<ArrayBuffer>) => {
        messages.push(fromUtf8(message));
        return new Uint8Array(64);
      },
    };
    const content = { payloadType: "http://example.com/HelloWorld", payload: utf8("hello world") };
    await signEnvelope(content, [spy]);
    expect(messages).toEqual(["DSSEv1 29 http://example.com/HelloWorld 11 hello world"]);
  });

  it("makes the same bytes whatever the order of signing", async () => {
    const content = { payloadType, payload };
    const together = await signEnvelope(content, [alice, bob, carol]);
    const oneByOne = await addSignature(await addSignature(await signEnvelope(content, [carol]), alice), bob);
    expect(encodeEnvelope(oneByOne)).toEqual(encodeEnvelope(together));
    await expect(addSignature(together, alice)).rejects.toMatchObject({ code: "SEAL_ENVELOPE_MALFORMED" });
  });

  it("needs a signer", async () => {
    await expect(signEnvelope({ payloadType, payload }, [])).rejects.toMatchObject({
      code: "SEAL_ENVELOPE_MALFORMED",
    });
  });
});

describe("verifying", () => {
  it("returns the payload and who signed", async () => {
    const envelope = parseEnvelope(
      encodeEnvelope(await signEnvelope({ payloadType, payload }, [alice, bob])),
    );
    const keys = [alice.publicKey, bob.publicKey];
    const verified = await verifyEnvelope(envelope, { keys, payloadType, threshold: 2 });
    expect(verified.payload).toEqual(payload);
    expect([...verified.signers].sort()).toEqual((await Promise.all(keys.map(keyIdOf))).sort());
  });

  it("counts distinct trusted keys only", async () => {
    const envelope = await signEnvelope({ payloadType, payload }, [alice]);
    const keys = [alice.publicKey, alice.publicKey, bob.publicKey];
    await expect(verifyEnvelope(envelope, { keys, payloadType, threshold: 2 })).rejects.toMatchObject({
      code: "SEAL_ENVELOPE_SIGNER",
    });
    await expect(verifyEnvelope(envelope, { keys: [], payloadType })).rejects.toMatchObject({
      code: "SEAL_ENVELOPE_SIGNER",
    });
    await expect(verifyEnvelope(envelope, { keys, payloadType, threshold: 0 })).resolves.toBeDefined();
  });

  it("refuses signatures that nothing protects, unless told to ignore them", async () => {
    const envelope = await signEnvelope({ payloadType, payload }, [alice, bob]);
    const trust = { keys: [alice.publicKey], payloadType };
    await expect(verifyEnvelope(envelope, trust)).rejects.toMatchObject({ code: "SEAL_ENVELOPE_SIGNER" });
    const verified = await verifyEnvelope(envelope, { ...trust, unknownSignatures: "ignore" });
    expect(verified.signers).toEqual([await keyIdOf(alice.publicKey)]);
  });

  it("refuses another type, which the signature covers too", async () => {
    const envelope = await signEnvelope({ payloadType, payload }, [alice]);
    const keys = [alice.publicKey];
    const other = "application/json";
    await expect(verifyEnvelope(envelope, { keys, payloadType: other })).rejects.toMatchObject({
      code: "SEAL_ENVELOPE_TYPE",
    });
    await expect(
      verifyEnvelope({ ...envelope, payloadType: other }, { keys, payloadType: other }),
    ).rejects.toMatchObject({ code: "SEAL_ENVELOPE_SIGNATURE" });
  });

  it("refuses every changed bit of the text", async () => {
    const text = encodeEnvelope(await signEnvelope({ payloadType, payload }, [alice]));
    const trust = { keys: [alice.publicKey], payloadType };
    for (let bit = 0; bit < text.length * 8; bit++) {
      const changed = text.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const opened = (async () => verifyEnvelope(parseEnvelope(changed), trust))();
      await expect(opened).rejects.toMatchObject({ code: expect.stringMatching(/^SEAL_ENVELOPE_/) });
    }
  });
});

describe("reading", async () => {
  const good = await signEnvelope({ payloadType, payload }, [alice]);
  const [signature] = good.signatures;
  const text = canonicalJson(good);
  const cases: readonly (readonly [reason: string, text: string])[] = [
    ["nothing", ""],
    ["text after the object", `${text} `],
    ["white space, which makes a second text", JSON.stringify(good, null, 1)],
    [
      "members in another order",
      JSON.stringify({ payload: good.payload, payloadType, signatures: good.signatures }).replace(
        /^\{("payload":[^,]*),("payloadType":[^,]*)/,
        "{$2,$1",
      ),
    ],
    ["a member twice", text.replace("{", '{"payload":"",')],
    ["an escape that is not needed", text.replace("application", "\\u0061pplication")],
    ["a byte-order mark", `\ufeff${text}`],
    ["a list", "[]"],
    ["an unknown member", canonicalJson({ ...good, extra: 1 })],
    ["a missing member", canonicalJson({ payload: good.payload, payloadType })],
    ["no signatures", canonicalJson({ ...good, signatures: [] })],
    ["too many signatures", canonicalJson({ ...good, signatures: Array(17).fill(signature) })],
    ["a signature twice", canonicalJson({ ...good, signatures: [signature, signature] })],
    ["URL-safe base64", canonicalJson({ ...good, payload: "_-8=" })],
    ["base64 without padding", canonicalJson({ ...good, payload: "YQ" })],
    ["base64 with unused bits set", canonicalJson({ ...good, payload: "YR==" })],
    ["a short signature", canonicalJson({ ...good, signatures: [{ ...signature, sig: toBase64(seed(1)) }] })],
    [
      "an upper-case key id",
      canonicalJson({ ...good, signatures: [{ ...signature, keyid: "A".repeat(64) }] }),
    ],
    ["a type with a space", canonicalJson({ ...good, payloadType: "a b" })],
    ["nesting without end", `{"payload":${"[".repeat(100_000)}`],
  ];
  it.each(cases)("refuses %s", (_, malformed) => {
    expect(() => parseEnvelope(malformed)).toThrow(
      expect.objectContaining({ code: "SEAL_ENVELOPE_MALFORMED" }),
    );
  });

  it("gives back what was written, for any payload", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), async (bytes) => {
        const envelope: Envelope = await signEnvelope({ payloadType, payload: Uint8Array.from(bytes) }, [
          alice,
        ]);
        const read = parseEnvelope(encodeEnvelope(envelope));
        expect(read).toEqual(envelope);
        const verified = await verifyEnvelope(read, { keys: [alice.publicKey], payloadType });
        expect(verified.payload).toEqual(Uint8Array.from(bytes));
      }),
      { numRuns: process.env.SEALFLOW_SLOW ? 1000 : 25 },
    );
  });

  it("throws only its own error, for any text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.uint8Array()), (input) => {
        try {
          parseEnvelope(input);
        } catch (error) {
          expect(error).toMatchObject({ code: "SEAL_ENVELOPE_MALFORMED" });
        }
      }),
      { numRuns: process.env.SEALFLOW_SLOW ? 1_000_000 : 500 },
    );
  });
});
