/** TCB info of version 3 and QE identity of version 2 (Intel PCS API v4). Parsed only after their signature held. */
import { z } from "zod";
import { parseUtc } from "../der/values.js";
import { Refusal } from "../refusal.js";

const hex = (bytes: number) =>
  z
    .string()
    .regex(new RegExp(`^[0-9a-fA-F]{${2 * bytes}}$`))
    .toLowerCase();
const utc = z.string().transform((text) => parseUtc(text));
const byte = z.int().min(0).max(255);
const uint16 = z.int().min(0).max(65_535);
const advisories = z.array(z.string().min(1).max(64)).max(1000).optional();
const status = z.string().min(1).max(64);
const period = { issueDate: utc, nextUpdate: utc, tcbEvaluationDataNumber: z.int().min(0) };

const tcbInfoSchema = z.object({
  id: z.string(),
  version: z.int(),
  ...period,
  fmspc: hex(6),
  pceId: hex(2),
  tcbType: z.int(),
  tcbLevels: z
    .array(
      z.object({
        tcb: z.object({ sgxtcbcomponents: z.array(z.object({ svn: byte })).length(16), pcesvn: uint16 }),
        tcbDate: z.string(),
        tcbStatus: status,
        advisoryIDs: advisories,
      }),
    )
    .min(1),
});

const qeIdentitySchema = z.object({
  id: z.string(),
  version: z.int(),
  ...period,
  miscselect: hex(4),
  miscselectMask: hex(4),
  attributes: hex(16),
  attributesMask: hex(16),
  mrsigner: hex(32),
  isvprodid: uint16,
  tcbLevels: z
    .array(
      z.object({
        tcb: z.object({ isvsvn: uint16 }),
        tcbDate: z.string(),
        tcbStatus: status,
        advisoryIDs: advisories,
      }),
    )
    .min(1),
});

/** Which TCB levels a platform family knows. Times in milliseconds since the Unix epoch, hex in lower case. */
export type TcbInfo = z.infer<typeof tcbInfoSchema>;

/** What the quoting enclave must look like. */
export type QeIdentity = z.infer<typeof qeIdentitySchema>;

/** Parses the text of a TCB info. */
export function parseTcbInfo(text: string): TcbInfo {
  return parseDocument(text, tcbInfoSchema, "ATTEST_TCB_INFO_MALFORMED");
}

/** Parses the text of a QE identity. */
export function parseQeIdentity(text: string): QeIdentity {
  return parseDocument(text, qeIdentitySchema, "ATTEST_QE_IDENTITY_MALFORMED");
}

function parseDocument<T>(text: string, schema: z.ZodType<T>, code: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refusal(code, "JSON", "other text");
  }
  try {
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    const issue = result.error.issues[0];
    throw new Refusal(code, "the documented fields", `${issue?.path.join(".")}: ${issue?.message}`);
  } catch (error) {
    if (error instanceof Refusal) throw new Refusal(code, error.expected, error.got);
    throw error;
  }
}
