import { fileURLToPath } from "node:url";
import { GRAMINE_1_9, measureEnclave, parseGramineOffsets } from "@sealflow/cluster";
import { toBase64, utf8 } from "@sealflow/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { runPython } from "../../../../test-support/python.js";
import { fakeLibpal } from "./fake-libpal.js";

const derivation = fileURLToPath(new URL("measure.py", import.meta.url));

function manifest(size: string, threads: number, edmm: boolean, rest = ""): Uint8Array<ArrayBuffer> {
  return utf8(`libos.entrypoint = "/usr/bin/python3"
loader.argv = ["python3", "-I", "/app/step.py"]
sgx.enclave_size = "${size}"
sgx.max_threads = ${threads}
sgx.edmm_enable = ${edmm}
${rest}`);
}

const mrenclave = (text: Uint8Array<ArrayBuffer>, libpal = fakeLibpal()) =>
  measureEnclave({ manifest: text, libpal }).mrenclave;

describe("the measurement of a Gramine enclave", () => {
  // Made once by the signer of Gramine 1.9 from the same manifests and the same stand-in for libpal.so.
  test.each([
    ["256M", 8, false, "", "0de196160ad95998cd955c923ccb429c0e0fa24fcb1a99c7b07dbd2c3e3948c7"],
    ["512M", 32, false, "", "59d0d8736fac3b20110ecfc647f683c9f779894b8117bfcfa6d1a7d77cd13eff"],
    ["16G", 16, true, "", "ad82d1c14c25852e5e4df49f5f48419331b3fb37c43ae77700a2136ec71b54b3"],
    ["1G", 16, false, "", "804db55a3ab8cb35cb453d1eca90b1a969c7202267e49f7a768112b9e289d3c3"],
    [
      "32M",
      4,
      false,
      `# ${"x".repeat(5000)}\n`,
      "c7bd527bc7f323e87973f695cf3b9fed6437a3c86f215fcf805201bc044bf6d1",
    ],
  ] as const)(
    "is what Gramine's signer says: %s, %i threads, EDMM %s",
    (size, threads, edmm, rest, expected) => {
      expect(mrenclave(manifest(size, threads, edmm, rest))).toBe(expected);
    },
  );

  test("is what a second derivation from the manuals says, for sizes, threads and manifests of any kind", async () => {
    const cases = fc.sample(
      fc.record({
        size: fc.constantFrom("32M", "64M", "128M"),
        threads: fc.integer({ min: 1, max: 9 }),
        edmm: fc.boolean(),
        rest: fc.string({ unit: fc.constantFrom("a", "ß", "\n# ", "="), maxLength: 9000 }),
        seed: fc.nat(1000),
      }),
      { numRuns: process.env.SEALFLOW_SLOW ? 60 : 6, seed: 1 },
    );
    for (const { size, threads, edmm, rest, seed } of cases) {
      const text = manifest(size, threads, edmm, `# ${rest}\n`);
      const libpal = fakeLibpal(seed);
      const bytes = Number(size.slice(0, -1)) * 2 ** 20;
      const job = { manifest: toBase64(text), libpal: toBase64(libpal), size: bytes, threads, edmm };
      const second = await runPython([derivation], JSON.stringify(job));
      expect(mrenclave(text, libpal)).toBe(second.trim());
    }
  });

  test("depends on each byte of the manifest and of libpal.so that is loaded", () => {
    const base = manifest("32M", 4, false);
    const before = mrenclave(base);
    expect(mrenclave(manifest("32M", 4, false, "\n"))).not.toBe(before);
    const libpal = fakeLibpal();
    libpal[0x1234] = (libpal[0x1234] ?? 0) ^ 1;
    expect(mrenclave(base, libpal)).not.toBe(before);
  });

  test("takes Gramine's defaults where the manifest is silent", () => {
    const { enclaveSize, maxThreads, edmm } = measureEnclave({
      manifest: utf8("[sgx]\n"),
      libpal: fakeLibpal(),
    });
    expect({ enclaveSize, maxThreads, edmm }).toEqual({ enclaveSize: 2 ** 28, maxThreads: 4, edmm: false });
  });

  test.each([
    ["not a power of two", manifest("48M", 4, false), "CLUSTER_ENCLAVE_SIZE"],
    ["more than any machine commits", manifest("1024G", 4, false), "CLUSTER_ENCLAVE_SIZE"],
    ["no threads", manifest("32M", 0, false), "CLUSTER_ENCLAVE_SIZE"],
    ["no room for the stacks", manifest("4M", 64, false), "CLUSTER_ENCLAVE_TOO_SMALL"],
    ["no size", manifest("big", 4, false), "CLUSTER_SIZE_INVALID"],
    ["no TOML", utf8("sgx = ["), "CLUSTER_MANIFEST_INVALID"],
    ["another kind of table", utf8("sgx = 1"), "CLUSTER_MANIFEST_INVALID"],
    ["no UTF-8", Uint8Array.of(0xff, 0xfe), "CLUSTER_MANIFEST_INVALID"],
  ] as const)("refuses a manifest with %s", (_, text, code) => {
    expect(() => mrenclave(text)).toThrow(expect.objectContaining({ code }));
  });

  test.each([
    ["cut off", (file: Uint8Array) => file.subarray(0, 200)],
    ["of another kind", (file: Uint8Array) => file.fill(0, 0, 4)],
    ["for another machine", (file: Uint8Array) => file.fill(3, 18, 19)],
    ["with 32 bits", (file: Uint8Array) => file.fill(1, 4, 5)],
    ["with a segment beyond its end", (file: Uint8Array) => file.fill(0xff, 64 + 8, 64 + 12)],
    ["without segments", (file: Uint8Array) => file.fill(0, 56, 58)],
  ] as const)("refuses a libpal.so %s", (_, change) => {
    expect(() =>
      mrenclave(manifest("32M", 4, false), change(fakeLibpal()) as Uint8Array<ArrayBuffer>),
    ).toThrow(expect.objectContaining({ code: "CLUSTER_ELF_INVALID" }));
  });
});

describe("the numbers of an installed Gramine", () => {
  const { thread } = GRAMINE_1_9;
  const text = `
SSA_FRAME_SIZE = 0x4000
SSA_FRAME_NUM = 2
ENCLAVE_STACK_SIZE = 262144
ENCLAVE_SIG_STACK_SIZE = 65536
MMAP_MIN_ADDR = 65536
STACK_PROTECTOR_CANARY_DEFAULT = 0xbadbadbadbad
SGX_COMMON_SELF = ${thread.self}
SGX_COMMON_STACK_PROTECTOR_CANARY = ${thread.canary}
SGX_ENCLAVE_SIZE = ${thread.enclaveSize}
SGX_TCS_OFFSET = ${thread.tcsOffset}
SGX_INITIAL_STACK_ADDR = ${thread.initialStack}
SGX_SIG_STACK_LOW = ${thread.signalStackLow}
SGX_SIG_STACK_HIGH = ${thread.signalStackHigh}
SGX_SSA = ${thread.ssa}
SGX_GPR = ${thread.gpr}
SGX_MANIFEST_SIZE = ${thread.manifestSize}
SGX_HEAP_MIN = ${thread.heapMin}
SGX_HEAP_MAX = ${thread.heapMax}
`;

  test("replace the built-in ones", () => {
    expect(parseGramineOffsets(text, "offsets.py")).toEqual({ ...GRAMINE_1_9, name: "offsets.py" });
    const other = parseGramineOffsets(text.replace("SGX_SSA = 328", "SGX_SSA = 440"), "offsets.py");
    const input = { manifest: manifest("32M", 4, false), libpal: fakeLibpal() };
    expect(measureEnclave({ ...input, build: other }).mrenclave).not.toBe(measureEnclave(input).mrenclave);
  });

  test("are refused when some are missing, with their names", () => {
    expect(() => parseGramineOffsets(text.replace(/^SGX_SSA.*$/m, ""), "offsets.py")).toThrow(/SGX_SSA/);
  });
});
