import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readPackage } from "../src/package/archive.js";

const bytes = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));
const code = (package_: Uint8Array): unknown => {
  try {
    readPackage(package_, "package");
    return undefined;
  } catch (error) {
    return error instanceof Error && "code" in error ? error.code : error;
  }
};

/** One entry of a tar archive, with the given size field. */
function tarEntry(name: string, content: string, size = content.length.toString(8)): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0, "latin1");
  block.write(size, 124, "latin1");
  block.write("0", 156, "latin1");
  return Buffer.concat([block, Buffer.from(content), Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

describe("packages that are not whole", () => {
  const cases: [reason: string, package_: Uint8Array][] = [
    ["bytes that are no text", bytes("\u00ff\u00fe\u0000")],
    ["gzip that ends early", gzipSync(tarEntry("pipeline.yaml", "a: 1")).subarray(0, 30)],
    ["a tar with no YAML", gzipSync(tarEntry("readme.txt", "hello"))],
    [
      "a tar with two YAML files, neither named pipeline.yaml",
      gzipSync(Buffer.concat([tarEntry("a.yaml", "a: 1"), tarEntry("b.yaml", "a: 1")])),
    ],
    [
      "a tar whose file is longer than the archive",
      gzipSync(tarEntry("pipeline.yaml", "a: 1", "77777777777")),
    ],
    ["a tar whose size is no number", gzipSync(tarEntry("pipeline.yaml", "a: 1", "xyz"))],
    ["gzip that unpacks to more than the limit", gzipSync(Buffer.alloc(65 * 1024 * 1024))],
    ["a zip without a directory", bytes("PK\u0003\u0004 and nothing more")],
    [
      "a zip whose directory points outside",
      bytes(
        `PK\u0003\u0004${"\u0000".repeat(26)}PK\u0005\u0006${"\u0000".repeat(4)}\u0001\u0000\u0001\u0000\u00ff\u0000\u0000\u0000\u00ff\u00ff\u00ff\u0000\u0000\u0000`,
      ),
    ],
  ];

  it.each(cases)("are refused: %s", (_, package_) => {
    expect(code(package_)).toBe("SERVER_PACKAGE_INVALID");
  });

  it("are refused with a code, whatever bytes they are", () => {
    const signature = fc.constantFrom(bytes(""), bytes("PK\u0003\u0004"), bytes("\u001f\u008b"));
    fc.assert(
      fc.property(signature, fc.uint8Array({ maxLength: 300 }), (start, rest) => {
        expect(code(new Uint8Array([...start, ...rest]))).toMatch(/^(SERVER_PACKAGE|PIPELINE)_/);
      }),
      { numRuns: process.env.SEALFLOW_SLOW ? 5000 : 50 },
    );
  });
});
