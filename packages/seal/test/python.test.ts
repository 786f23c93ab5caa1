import { fromUtf8, toHex } from "@sealflow/core";
import { describe, expect, it } from "vitest";
import { runPython } from "../../../test-support/python.js";
import {
  encodeEnvelope,
  parseEnvelope,
  projectKeyFrom,
  type Statement,
  signStatement,
  statementType,
  verifyStatement,
} from "../src/index.js";

const secret = new Uint8Array(32).fill(9);
const statement: Statement = {
  _type: statementType,
  subject: [{ name: "model", digest: { sha256: "ab".repeat(32) } }],
  predicateType: "https://sealflow.dev/test/v1",
  predicate: { numbers: [0.1, 1e-7, 1e21, 5e-324, 1.7976931348623157e308, 100, -0.5], text: "ü\u2028😀" },
};

const program = `
import sys, json
sys.path.insert(0, "python/src")
from sealflow.seal import project_key_from
from sealflow.seal.dsse import encode_envelope, parse_envelope, public_bytes
from sealflow.seal.statement import sign_statement, verify_statement
key = project_key_from(bytes.fromhex(sys.argv[1])).signing_key
envelope = parse_envelope(sys.stdin.buffer.read())
statement = verify_statement(envelope, keys=[public_bytes(key)])
sys.stdout.buffer.write(encode_envelope(sign_statement(statement, [key])))
`;

describe("the two languages", () => {
  it("verify each other's statements and sign the same bytes", async () => {
    const { signer } = await projectKeyFrom(secret);
    const envelope = await signStatement(statement, [signer]);
    const text = fromUtf8(encodeEnvelope(envelope));
    const fromPython = await runPython(["-c", program, toHex(secret)], text);
    expect(fromPython).toBe(text);
    const verified = await verifyStatement(parseEnvelope(fromPython), { keys: [signer.publicKey] });
    expect(verified.statement).toEqual(statement);
  });
});
