import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testPython } from "../../../test-support/python.js";
import { registryProgram, startRegistry, type TestRegistry } from "../../../test-support/registry.js";
import { fakeLibpal } from "../../cluster/test/gramine/fake-libpal.js";
import { pushBase } from "../../cluster/test/image/base-image.js";
import { cli } from "./support/fake-context.js";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "sealflow-image-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

const sha256 = "5".repeat(64);
const manifest = `
libos.entrypoint = "/usr/bin/python3"
loader.entrypoint = { uri = "file:/gramine/libsysdb.so", sha256 = "${sha256}" }
loader.argv = ["python3", "-I", "/app/step.py"]
fs.mounts = [{ type = "tmpfs", path = "/tmp" }]
sgx.remote_attestation = "dcap"
sgx.enclave_size = "64M"
sgx.isvprodid = 4
sgx.isvsvn = 9
sgx.trusted_files = [{ uri = "file:/usr/bin/python3", sha256 = "${sha256}" }]
`;
const key = () =>
  generateKeyPairSync("rsa", { modulusLength: 3072, publicExponent: 3 })
    .privateKey.export({ format: "pem", type: "pkcs1" })
    .toString();

describe("sealflow image", () => {
  it("lints: exit code 0 for a good manifest, 4 with code, key and reason for a bad one", async () => {
    expect(await cli(["image", "lint", file("good", manifest), "--final"])).toMatchObject({ exitCode: 0 });
    const bad = file("bad", `sgx.debug = true\n${manifest}`);
    const { stdout, exitCode } = await cli(["image", "lint", bad]);
    expect(exitCode).toBe(4);
    expect(stdout).toMatch(/error\[GRAMINE_DEBUG_ENCLAVE\]: .+\nwhere: .+sgx\.debug\n/);
    const json = JSON.parse((await cli(["image", "lint", bad, "--json"])).stdout);
    expect(json).toMatchObject({
      ok: false,
      findings: [{ code: "GRAMINE_DEBUG_ENCLAVE", path: "sgx.debug" }],
    });
  });

  it("measures, compares with what is expected, signs, and shows what it signed", async () => {
    const args = [file("m", manifest), "--libpal", file("libpal.so", fakeLibpal())];
    const measured = await cli(["image", "measure", ...args]);
    const mrenclave = measured.stdout.trim();
    expect(mrenclave).toMatch(/^[0-9a-f]{64}$/);
    expect((await cli(["image", "measure", ...args, "--expect", mrenclave])).exitCode).toBe(0);
    const other = await cli(["image", "measure", ...args, "--expect", "00".repeat(32)]);
    expect(other).toMatchObject({ exitCode: 4 });
    expect(other.stderr).toContain(mrenclave);
    const regions = await cli(["image", "measure", ...args, "--regions"]);
    expect(regions.stdout).toMatch(/measured {3}manifest[\s\S]+unmeasured heap/);

    const output = join(directory, "m.sig");
    const signing = ["image", "sign", ...args, "--key", file("key.pem", key()), "-o", output, "--json"];
    const signed = JSON.parse((await cli([...signing, "--date", "2026-11-25"])).stdout);
    expect(signed).toMatchObject({ ok: true, mrenclave, productId: 4, svn: 9 });
    expect(readFileSync(output)).toHaveLength(1808);
    const shown = JSON.parse((await cli(["image", "show", output, "--json"])).stdout);
    expect(shown).toEqual({
      mrenclave,
      mrsigner: signed.mrsigner,
      productId: 4,
      svn: 9,
      debug: false,
      date: "2026-11-25",
    });
  });

  it("signs nothing that the lint refuses, and nothing without exactly one key", async () => {
    const args = ["--libpal", file("libpal.so", fakeLibpal()), "-o", join(directory, "no.sig")];
    const bad = file("bad2", `loader.insecure__use_cmdline_argv = true\n${manifest}`);
    expect(await cli(["image", "sign", bad, ...args, "--key", file("k", key())])).toMatchObject({
      exitCode: 4,
    });
    const none = await cli(["image", "sign", file("m", manifest), ...args]);
    expect(none).toMatchObject({ exitCode: 2 });
    expect(none.stderr).toContain("CLI_SIGNING_KEY");
    const day = ["--key", file("k", key()), "--date", "25.11.2026"];
    expect(await cli(["image", "sign", file("m", manifest), ...args, ...day])).toMatchObject({ exitCode: 2 });
  });
});

const program = registryProgram();
const pipeline = JSON.stringify({
  pipelineInfo: { name: "p" },
  schemaVersion: "2.1.0",
  deploymentSpec: {
    executors: {
      "exec-train": {
        container: {
          image: "python:3.11",
          command: ["sh", "-ec", 'exec python3 -m kfp.dsl.executor_main "$0" "$@"', "def train(): ..."],
          args: ["--executor_input", "{{$}}", "--function_to_execute", "train"],
        },
      },
    },
  },
  components: { "comp-train": { executorLabel: "exec-train" } },
  root: { dag: { tasks: { train: { componentRef: { name: "comp-train" } } } } },
});

describe.skipIf(program === undefined)("from a pipeline to a confidential spec", () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry(program ?? "");
  });
  afterAll(() => registry?.stop());

  it("builds, pushes, resolves, and puts every pod into the image", async () => {
    const base = await pushBase(registry.host);
    const [spec, lock] = [file("p.json", pipeline), join(directory, "image.lock.json")];
    const to = `${registry.host}/team/p:v1`;
    const target = ["--base", base, "--to", to, "-o", lock];
    const build = ["image", "build", spec, ...target, "--key", file("k.pem", key()), "--svn", "2", "--json"];
    const built = await cli(build, { env: { ...process.env, SEALFLOW_PYTHON: testPython() } });
    expect(built.stderr).toContain("measuring the enclave");
    const result = JSON.parse(built.stdout);
    expect(result).toMatchObject({ ok: true, lock: { enclave: { svn: 2 } } });
    const resolved = await cli(["image", "resolve", to]);
    expect(resolved.stdout.trim()).toBe(result.lock.image);

    const output = join(directory, "confidential.yaml");
    const args = ["confidential", spec, "-o", output, "-i", lock, "--broker", "https://broker.example"];
    const { stdout, exitCode } = await cli([...args, "--run", "r1"]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain("protected");
    expect(readFileSync(output, "utf8")).toContain(result.lock.image);
    const json = JSON.parse((await cli([...args, "--json"])).stdout);
    expect(json).toMatchObject({ ok: true, tasks: [{ path: "train", state: "protected" }] });
  });

  it("writes nothing when a task can't be protected: exit code 4, and why", async () => {
    const output = join(directory, "open.yaml");
    const args = [
      "confidential",
      file("p.json", pipeline),
      "-o",
      output,
      "--broker",
      "https://broker.example",
    ];
    const { stdout, exitCode } = await cli(args);
    expect(exitCode).toBe(4);
    expect(stdout).toMatch(/OVERLAY_INLINE_CODE[\s\S]+nothing was written/);
    expect(() => readFileSync(output)).toThrow();
    expect((await cli([...args, "--unprotected", "exec-train"])).exitCode).toBe(0);
  });

  it.each([
    ["--broker", "http://broker.example"],
    ["--broker-pin", "zz"],
    ["--taint", "x"],
    ["--node-label", "x"],
  ])("is usage: %s %s", async (flag, value) => {
    const broker = flag === "--broker" ? [] : ["--broker", "https://b"];
    const spec = file("p.json", pipeline);
    const { exitCode, stderr } = await cli(["confidential", spec, "-o", "-", ...broker, flag, value]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(flag);
  });
});
