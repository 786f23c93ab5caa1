/**
 * The SGX ECDSA quote of version 3 (Intel SGX ECDSA Quote Library Reference, appendix A.4): exact lengths, nothing
 * trailing. Parsing says nothing about whether the quote is genuine.
 */
import { toHex } from "@sealflow/core";
import { ByteReader } from "../byte-reader.js";
import { Refusal } from "../refusal.js";
import { type EnclaveReport, parseReport, reportSize } from "./report.js";

/** Largest quote that is read, in bytes. */
export const maximumQuoteSize = 64 * 1024;

const headerSize = 48;
/** QE vendor id of Intel's quoting enclave. */
const intelVendor = "939a7233f79c4ca9940a0db3957f0607";
/** Attestation key type: ECDSA-256 with P-256. */
const ecdsaP256 = 2;
/** Certification data type: the PCK certificate chain in PEM. */
const pckChain = 5;

/** A parsed quote. */
export interface SgxQuote {
  /** Header and report: what the attestation key signed. */
  readonly signed: Uint8Array<ArrayBuffer>;
  readonly report: EnclaveReport;
  readonly qeSvn: number;
  readonly pceSvn: number;
  /** r and s over `signed`. */
  readonly signature: Uint8Array<ArrayBuffer>;
  /** x and y, 32 bytes each. */
  readonly attestationKey: Uint8Array<ArrayBuffer>;
  readonly qeReportBytes: Uint8Array<ArrayBuffer>;
  readonly qeReport: EnclaveReport;
  /** r and s by the PCK key over the QE's report. */
  readonly qeReportSignature: Uint8Array<ArrayBuffer>;
  readonly qeAuthenticationData: Uint8Array<ArrayBuffer>;
  /** PEM text of the PCK chain. */
  readonly certificateChain: string;
}

/**
 * Parses a quote.
 *
 * @throws Refusal with `ATTEST_QUOTE_*`.
 */
export function parseQuote(bytes: Uint8Array<ArrayBuffer>): SgxQuote {
  if (bytes.length > maximumQuoteSize) {
    throw new Refusal("ATTEST_QUOTE_MALFORMED", `at most ${maximumQuoteSize} bytes`, `${bytes.length}`);
  }
  const reader = new ByteReader(bytes);
  const header = readHeader(new ByteReader(reader.bytes(headerSize, "quote header")));
  const report = parseReport(reader.bytes(reportSize, "enclave report"));
  const signatureData = new ByteReader(reader.bytes(reader.uint32("signature length"), "signature data"));
  reader.end("the quote");
  const signed = bytes.slice(0, headerSize + reportSize);
  return { signed, report, ...header, ...readSignatureData(signatureData) };
}

function readHeader(reader: ByteReader): Pick<SgxQuote, "qeSvn" | "pceSvn"> {
  expectNumber("ATTEST_QUOTE_VERSION", 3, reader.uint16("version"));
  expectNumber("ATTEST_QUOTE_KEY_TYPE", ecdsaP256, reader.uint16("attestation key type"));
  expectNumber("ATTEST_QUOTE_TEE_TYPE", 0, reader.uint32("TEE type"));
  const qeSvn = reader.uint16("QE SVN");
  const pceSvn = reader.uint16("PCE SVN");
  const vendor = toHex(reader.bytes(16, "QE vendor id"));
  if (vendor !== intelVendor) throw new Refusal("ATTEST_QUOTE_VENDOR", intelVendor, vendor);
  return { qeSvn, pceSvn };
}

function expectNumber(code: string, expected: number, got: number): void {
  if (got !== expected) throw new Refusal(code, `${expected}`, `${got}`);
}

function readSignatureData(reader: ByteReader): Omit<SgxQuote, "signed" | "report" | "qeSvn" | "pceSvn"> {
  const signature = reader.bytes(64, "quote signature");
  const attestationKey = reader.bytes(64, "attestation key");
  const qeReportBytes = reader.bytes(reportSize, "QE report");
  const qeReportSignature = reader.bytes(64, "QE report signature");
  const qeAuthenticationData = reader.bytes(
    reader.uint16("QE authentication length"),
    "QE authentication data",
  );
  expectNumber("ATTEST_QUOTE_CERTIFICATION", pckChain, reader.uint16("certification data type"));
  const chain = reader.bytes(reader.uint32("certification data length"), "certification data");
  reader.end("the signature data");
  return {
    signature,
    attestationKey,
    qeReportBytes,
    qeReport: parseReport(qeReportBytes),
    qeReportSignature,
    qeAuthenticationData,
    certificateChain: decodeChain(chain),
  };
}

/** The quoting library ends the text with one NUL. */
function decodeChain(bytes: Uint8Array): string {
  const text = bytes.at(-1) === 0 ? bytes.slice(0, -1) : bytes;
  if (text.some((byte) => byte === 0 || byte > 0x7e)) {
    throw new Refusal("ATTEST_QUOTE_MALFORMED", "a certificate chain in ASCII", "other bytes");
  }
  return String.fromCharCode(...text);
}
