/** The SGX report body: what the processor says of an enclave (Intel SDM volume 3D, "REPORT"). 384 bytes. */
import { ByteReader } from "../byte-reader.js";

/** Size of a report body in bytes. */
export const reportSize = 384;

/** A parsed report body. */
export interface EnclaveReport {
  readonly cpuSvn: Uint8Array<ArrayBuffer>;
  /** 4 bytes as they stand in the report. */
  readonly miscSelect: Uint8Array<ArrayBuffer>;
  /** FLAGS and XFRM, 8 bytes each, little-endian. */
  readonly attributes: Uint8Array<ArrayBuffer>;
  readonly mrEnclave: Uint8Array<ArrayBuffer>;
  readonly mrSigner: Uint8Array<ArrayBuffer>;
  readonly productId: number;
  readonly svn: number;
  readonly reportData: Uint8Array<ArrayBuffer>;
}

/** Bits of the first byte of ATTRIBUTES.FLAGS. */
export const attributeBit = { init: 0x01, debug: 0x02, mode64: 0x04, provisionKey: 0x10 } as const;

/** True when an attribute is set. */
export function hasAttribute(report: EnclaveReport, bit: number): boolean {
  return ((report.attributes[0] ?? 0) & bit) !== 0;
}

/** Parses a report body of `reportSize` bytes. */
export function parseReport(bytes: Uint8Array<ArrayBuffer>): EnclaveReport {
  const reader = new ByteReader(bytes);
  const cpuSvn = reader.bytes(16, "CPUSVN");
  const miscSelect = reader.bytes(4, "MISCSELECT");
  reader.bytes(28, "reserved bytes and ISVEXTPRODID");
  const attributes = reader.bytes(16, "ATTRIBUTES");
  const mrEnclave = reader.bytes(32, "MRENCLAVE");
  reader.bytes(32, "reserved bytes");
  const mrSigner = reader.bytes(32, "MRSIGNER");
  reader.bytes(96, "reserved bytes and CONFIGID");
  const productId = reader.uint16("ISVPRODID");
  const svn = reader.uint16("ISVSVN");
  reader.bytes(60, "CONFIGSVN, reserved bytes and ISVFAMILYID");
  const reportData = reader.bytes(64, "REPORTDATA");
  return { cpuSvn, miscSelect, attributes, mrEnclave, mrSigner, productId, svn, reportData };
}
