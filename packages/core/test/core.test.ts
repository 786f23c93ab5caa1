import {
  canonicalJson,
  concatBytes,
  digestOf,
  equalBytes,
  fromBase64,
  fromBase64Url,
  fromHex,
  fromUtf8,
  isDigest,
  isSealflowError,
  newUuid,
  SealflowError,
  type SealflowErrors,
  throwFindings,
  toBase64,
  toBase64Url,
  toHex,
  utf8,
} from "@sealflow/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

describe("canonical JSON", () => {
  it("sorts keys by code units and prints numbers as RFC 8785's examples do", () => {
    expect(canonicalJson({ b: 1e21, a: 4.5, "\u20ac": 0.002, "\r": 1e-27, A: [null, true, "\u000f"] })).toBe(
      '{"\\r":1e-27,"A":[null,true,"\\u000f"],"a":4.5,"b":1e+21,"\u20ac":0.002}',
    );
  });
  it("is a fixed point of parsing and does not depend on insertion order", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
    );
  });
  it.each([[Number.NaN], [Number.POSITIVE_INFINITY], ["\ud800"], [{ a: () => 1 }], [1n]])(
    "refuses %s",
    (value) => {
      expect(() => canonicalJson(value)).toThrow(
        expect.objectContaining({ code: "CORE_JSON_NOT_REPRESENTABLE" }),
      );
    },
  );
});

describe("bytes", () => {
  it("round-trips hex, base64 and base64url", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(equalBytes(fromHex(toHex(bytes)), bytes)).toBe(true);
        expect(equalBytes(fromBase64(toBase64(bytes)), bytes)).toBe(true);
        expect(equalBytes(fromBase64Url(toBase64Url(bytes)), bytes)).toBe(true);
      }),
    );
  });
  it.each(["QQ", "QR==", "QQ==\n", "Q Q=", "====", "QQ=Q"])("refuses base64 %j", (text) => {
    expect(() => fromBase64(text)).toThrow(expect.objectContaining({ code: "CORE_BASE64_INVALID" }));
  });
  it.each(["0", "0g", " 00"])("refuses hex %j", (text) => {
    expect(() => fromHex(text)).toThrow(expect.objectContaining({ code: "CORE_HEX_INVALID" }));
  });
  it("refuses invalid UTF-8", () => {
    expect(() => fromUtf8(Uint8Array.of(0xc0, 0x80))).toThrow(
      expect.objectContaining({ code: "CORE_UTF8_INVALID" }),
    );
  });
  it("concatenates and compares", () => {
    expect([...concatBytes(utf8("a"), utf8(""), utf8("bc"))]).toEqual([97, 98, 99]);
    expect(equalBytes(utf8("ab"), utf8("ac"))).toBe(false);
    expect(equalBytes(utf8("ab"), utf8("a"))).toBe(false);
  });
});

describe("digests and ids", () => {
  it("digests text with SHA-256 (FIPS 180-4 example)", async () => {
    const digest = await digestOf("abc");
    expect(digest).toBe("sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(isDigest(digest)).toBe(true);
    expect(isDigest("sha256:ABC")).toBe(false);
  });
  it("makes version 7 UUIDs that sort by time", () => {
    const random = { bytes: (n: number) => new Uint8Array(n).fill(0xff) };
    const early = newUuid({ now: () => 1_645_557_742_000 }, random);
    expect(early).toBe("017f22e2-79b0-7fff-bfff-ffffffffffff");
    expect(newUuid({ now: () => 1_645_557_742_001 }, random) > early).toBe(true);
    expect(() => newUuid({ now: () => -1 }, random)).toThrow(RangeError);
  });
});

describe("errors", () => {
  const one = new SealflowError({
    code: "X_ONE",
    message: "one",
    hint: "mend",
    where: { file: "f", line: 1 },
    data: { a: 1 },
  });
  const two = new SealflowError({ code: "X_TWO", message: "two" });
  it("serialise with code, hint and place, and are recognised across copies", () => {
    expect(JSON.parse(JSON.stringify(one))).toEqual({
      code: "X_ONE",
      message: "one",
      hint: "mend",
      where: { file: "f", line: 1 },
      data: { a: 1 },
    });
    expect(isSealflowError(one)).toBe(true);
    expect(isSealflowError(new Error("x"))).toBe(false);
  });
  it("throw one finding as itself and several together", () => {
    const summary = { code: "X_MANY", message: "2 findings" };
    expect(() => throwFindings([], summary)).not.toThrow();
    expect(() => throwFindings([one], summary)).toThrow(one);
    try {
      throwFindings([one, two], summary);
      expect.unreachable();
    } catch (error) {
      expect((error as SealflowErrors).toJSON().findings?.map((f) => f.code)).toEqual(["X_ONE", "X_TWO"]);
    }
  });
});
