import { fromHex } from "@sealflow/core";
import { describe, expect, it } from "vitest";
import { DerReader, tag } from "../src/der/reader.js";
import {
  readBoolean,
  readIntegerBytes,
  readNamedBits,
  readOid,
  readSmallInteger,
  readTime,
} from "../src/der/values.js";
import { trustRootFromCertificate } from "../src/index.js";
import { parseRevocationList } from "../src/x509/crl.js";
import { rawSignature } from "../src/x509/ecdsa.js";
import { parsePemChain } from "../src/x509/pem.js";

const reader = (hex: string) => new DerReader(fromHex(hex));
const time = (tagNumber: string, text: string) =>
  reader(`${tagNumber}${text.length.toString(16).padStart(2, "0")}${Buffer.from(text).toString("hex")}`);

describe("malformed DER is refused:", () => {
  it.each<[string, () => unknown]>([
    ["an indefinite length", () => reader("3080").read(tag.sequence)],
    ["a length in more bytes than needed", () => reader(`308105${"00".repeat(5)}`).read(tag.sequence)],
    ["a length with leading zeros", () => reader(`30820080${"00".repeat(128)}`).read(tag.sequence)],
    ["a length beyond the end", () => reader("30050000").read(tag.sequence)],
    ["a length of five bytes", () => reader("30850100000000").read(tag.sequence)],
    ["nothing", () => reader("").read(tag.sequence)],
    ["another tag", () => reader("3100").read(tag.sequence)],
    ["a high tag number", () => reader("1f8100").readAny()],
    ["something left over", () => reader("00").end()],
    ["an empty integer", () => readIntegerBytes(reader("0200"))],
    ["a padded integer", () => readIntegerBytes(reader("02020001"))],
    ["a padded negative integer", () => readIntegerBytes(reader("0202ff80"))],
    ["a negative small integer", () => readSmallInteger(reader("0201ff"))],
    ["a large small integer", () => readSmallInteger(reader("02050100000000"))],
    ["a boolean of 1", () => readBoolean(reader("010101"))],
    ["a boolean of two bytes", () => readBoolean(reader("0102ffff"))],
    ["an empty object identifier", () => readOid(reader("0600"))],
    ["a cut object identifier", () => readOid(reader("06022a86"))],
    ["a padded object identifier", () => readOid(reader("06032a8001"))],
    ["an endless arc", () => readOid(reader(`060a2a${"ff".repeat(8)}01`))],
    ["named bits with trailing zeros", () => readNamedBits(reader("03020006"))],
    ["named bits with unused bits set", () => readNamedBits(reader("03020107"))],
    ["no named bits", () => readNamedBits(reader("030100"))],
    ["a time without seconds", () => readTime(time("17", "2501010000Z"))],
    ["a time with an offset", () => readTime(time("17", "250101000000+0000"))],
    ["a time with fractions", () => readTime(time("18", "20250101000000.5Z"))],
    ["a day that does not exist", () => readTime(time("17", "250230000000Z"))],
    ["an hour that does not exist", () => readTime(time("17", "250101240000Z"))],
    ["a year of two digits in the long form", () => readTime(time("18", "250101000000Z"))],
    ["a signature with a negative scalar", () => rawSignature(fromHex("300602018102017f"))],
    ["a signature of one scalar", () => rawSignature(fromHex("3003020101"))],
    ["a signature with something after it", () => rawSignature(fromHex("300602010102010100"))],
    ["a scalar of 33 bytes", () => rawSignature(fromHex(`3026022101${"00".repeat(32)}020101`))],
    ["a certificate that is none", () => trustRootFromCertificate(fromHex("3000"))],
    ["a certificate of 20 KiB", () => trustRootFromCertificate(new Uint8Array(20_480))],
    ["text before a PEM block", () => parsePemChain("x-----BEGIN CERTIFICATE-----\n", "ATTEST_X")],
    [
      "PEM of a private key",
      () => parsePemChain("-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n", "ATTEST_X"),
    ],
    [
      "PEM with bits left over",
      () => parsePemChain("-----BEGIN CERTIFICATE-----\nAB==\n-----END CERTIFICATE-----\n", "ATTEST_X"),
    ],
    ["PEM without its end", () => parsePemChain("-----BEGIN CERTIFICATE-----\nAA==\n", "ATTEST_X")],
    ["a chain of 100 KiB", () => parsePemChain("A".repeat(100_000), "ATTEST_X")],
  ])("%s", (_, work) => {
    expect(work).toThrow(
      expect.objectContaining({ name: "Refusal", code: expect.stringMatching(/^ATTEST_/) }),
    );
  });
});

describe("well-formed DER is read:", () => {
  it("times of both forms", () => {
    expect(readTime(time("17", "491231235959Z"))).toBe(Date.parse("2049-12-31T23:59:59Z"));
    expect(readTime(time("17", "500101000000Z"))).toBe(Date.parse("1950-01-01T00:00:00Z"));
    expect(readTime(time("18", "20500101000000Z"))).toBe(Date.parse("2050-01-01T00:00:00Z"));
  });

  it("object identifiers", () => {
    expect(readOid(reader("060a2a864886f84d010d0102"))).toBe("1.2.840.113741.1.13.1.2");
  });
});

describe("random DER", () => {
  it("is refused, never an exception of another kind", { timeout: 600_000 }, () => {
    for (let i = 0; i < (process.env.SEALFLOW_SLOW ? 1_000_000 : 2_000); i++) {
      const bytes = crypto.getRandomValues(new Uint8Array(4 + (i % 120)));
      bytes.set([0x30, bytes.length - 2, 0x30]);
      for (const parse of [trustRootFromCertificate, parseRevocationList]) {
        expect(() => parse(bytes)).toThrow(expect.objectContaining({ name: "Refusal" }));
      }
    }
  });
});
