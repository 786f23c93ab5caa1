import { generateKeyPairSync } from "node:crypto";
import { cpSync, mkdtempSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type BuiltImage,
  buildImage,
  confidentialOverlay,
  DSSE_TYPE,
  enclaveSizing,
  type ImageBuildInput,
  IN_TOTO_TYPE,
  keyFileSigner,
  lintManifest,
  measureEnclave,
  parseLock,
  RegistryRepository,
  SPDX_TYPE,
  sgxNode,
  withRuntimePackages,
} from "@sealflow/cluster";
import { isJsonObject, type JsonObject, utf8 } from "@sealflow/core";
import { type PipelineDocument, parsePipelineDocument } from "@sealflow/pipeline";
import { parse } from "smol-toml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runPython, testPython } from "../../../../test-support/python.js";
import { registryProgram, startRegistry, type TestRegistry } from "../../../../test-support/registry.js";
import { fakeLibpal } from "../gramine/fake-libpal.js";
import { pushBase } from "./base-image.js";

const program = registryProgram();
const sources = fileURLToPath(new URL("../../../../python/src", import.meta.url));
const inspect = fileURLToPath(new URL("inspect.py", import.meta.url));
const pem = generateKeyPairSync("rsa", { modulusLength: 3072, publicExponent: 3 })
  .privateKey.export({ format: "pem", type: "pkcs1" })
  .toString();

function pipelineWith(source: string): PipelineDocument {
  const executor = (name: string) => ({
    container: {
      image: "python:3.11",
      command: ["sh", "-ec", 'exec python3 -m kfp.dsl.executor_main "$0" "$@"', source],
      args: ["--executor_input", "{{$}}", "--function_to_execute", name],
      env: [{ name: "MODE", value: "fast" }],
    },
  });
  const component = (label: string) => ({ executorLabel: label });
  const task = (name: string) => ({ componentRef: { name } });
  return parsePipelineDocument(
    JSON.stringify({
      pipelineInfo: { name: "loan" },
      schemaVersion: "2.1.0",
      deploymentSpec: {
        executors: {
          "exec-load": executor("load"),
          "exec-train": executor("train"),
          "exec-tool": { container: { image: "alpine:3", command: ["echo"], args: ["x"] } },
        },
      },
      components: {
        "comp-load": component("exec-load"),
        "comp-train": component("exec-train"),
        "comp-tool": component("exec-tool"),
      },
      root: {
        dag: { tasks: { load: task("comp-load"), train: task("comp-train"), tool: task("comp-tool") } },
      },
    }),
  );
}

const document = pipelineWith("def load(): ...\ndef train(): ...\n");

describe.skipIf(program === undefined)("building a measured image", () => {
  let registry: TestRegistry;
  let scratch = "";
  let input: ImageBuildInput;
  let first: BuiltImage;
  const tools = {
    access: { fetch, logins: async () => undefined },
    environment: process.env,
    python: testPython(),
  };
  const progress: string[] = [];

  beforeAll(async () => {
    registry = await startRegistry(program ?? "");
    scratch = mkdtempSync(join(tmpdir(), "sealflow-build-test-"));
    input = {
      document,
      locks: {},
      base: await pushBase(registry.host),
      target: `${registry.host}/team/loan:v1`,
      pythonSources: sources,
      version: "0.1.0",
      enclave: {
        sizing: enclaveSizing(sgxNode("Standard_DC1s_v3")),
        productId: 3,
        svn: 4,
        signer: keyFileSigner(pem),
      },
    };
    first = await buildImage(input, { ...tools, progress: (line) => progress.push(line) });
  });
  afterAll(async () => {
    await registry?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  const digestOf = ({ lock }: BuiltImage) => lock.image.split("@")[1] ?? "";
  const inspected = async (built: BuiltImage) =>
    JSON.parse(await runPython([inspect, registry.host, "team/loan", digestOf(built)]));
  const repository = () => new RegistryRepository({ host: registry.host, name: "team/loan" }, tools.access);
  async function referrer(built: BuiltImage, type: string): Promise<JsonObject> {
    const found = await repository().referrers(`sha256:${digestOf(built).slice(7)}`);
    const entry = found.find(({ artifactType }) => artifactType === type);
    const { manifest } = await repository().manifest(entry?.digest ?? "");
    const [layer] = manifest.layers ?? [];
    return layer === undefined ? {} : repository().json(layer);
  }

  test("gives an image by digest whose parts fit, to other tools too", async () => {
    expect(first.lock.image).toMatch(/^127\.0\.0\.1:\d+\/team\/loan@sha256:[0-9a-f]{64}$/);
    const seen = await inspected(first);
    expect(seen).toMatchObject({
      diffIdsMatch: true,
      times: [0],
      owners: [[0, 0, ""]],
      enclave: true,
      layers: 6,
    });
    expect(seen.config).toMatchObject({
      architecture: "amd64",
      os: "linux",
      created: "2026-03-04T05:06:07Z",
      config: {
        Entrypoint: ["/usr/local/bin/python3.11", "-I", "-B", "/opt/sealflow/shim.py"],
        Env: ["PATH=/usr/local/bin"],
      },
    });
    expect(seen.config.config.Cmd).toBeUndefined();
    expect(seen.files["/opt/sealflow/python/sealflow/executor.py"]).toBeDefined();
    expect(
      seen.files["/opt/sealflow/environment/lib/python3.11/site-packages/cryptography/__init__.py"],
    ).toBeDefined();
    expect(Object.keys(seen.files).filter((path) => /__pycache__\/.*opt|direct_url/.test(path))).toEqual([]);
    expect(progress.length).toBeGreaterThan(5);
  });

  test("is the same from another directory, at another time, with files of other ages", async () => {
    const copy = join(scratch, "elsewhere", "python");
    cpSync(sources, copy, { recursive: true });
    utimesSync(join(copy, "sealflow", "executor.py"), 1, 1);
    const again = await buildImage(
      { ...input, pythonSources: copy, target: `${registry.host}/team/loan` },
      tools,
    );
    expect(again.lock).toEqual(first.lock);
    expect(again.documents).toEqual(first.documents);
    expect(again.sent).toBe(0);
  });

  test("is another with other code; its provenance may be signed", async () => {
    const changed = pipelineWith("def load(): pass\ndef train(): ...\n");
    const statementSigner = async () => JSON.stringify({ payloadType: "x", payload: "", signatures: [] });
    const other = await buildImage({ ...input, document: changed, statementSigner }, tools);
    expect(other.lock.enclave?.mrenclave).not.toBe(first.lock.enclave?.mrenclave);
    expect(other.lock.enclave?.mrsigner).toBe(first.lock.enclave?.mrsigner);
    const component = (built: BuiltImage) => built.lock.executors["exec-train"]?.component;
    expect(component(other)).not.toBe(component(first));
    expect(other.documents.signed).toBe(true);
    expect(await referrer(other, DSSE_TYPE)).toMatchObject({ signatures: [] });
  });

  test("measures all that is opened in the enclave, under each of its names, and nothing that was removed", () => {
    const manifest = first.gramineManifest ?? "";
    expect(lintManifest(utf8(manifest), { final: true })).toEqual([]);
    const { mrenclave } = measureEnclave({ manifest: utf8(manifest), libpal: fakeLibpal() });
    expect(first.lock.enclave).toMatchObject({ mrenclave, productId: 3, svn: 4 });
    const { sgx, loader } = parse(manifest) as unknown as {
      sgx: { trusted_files: { uri: string }[] };
      loader: { argv: string[] };
    };
    const uris = sgx.trusted_files.map(({ uri }) => uri.replace("file:", ""));
    for (const path of [
      "/usr/local/bin/python3.11",
      "/usr/lib/x86_64-linux-gnu/libz.so.1",
      "/lib/x86_64-linux-gnu/libz.so.1",
      "/lib/x86_64-linux-gnu/libhard.so",
      "/etc/passwd",
      "/opt/sealflow/inside.py",
      "/opt/sealflow/components/components.json",
      "/usr/lib/x86_64-linux-gnu/gramine/runtime/glibc/libc.so.6",
    ]) {
      expect(uris).toContain(path);
    }
    expect(uris.filter((uri) => /old\.so|__pycache__|sealflow\/shim\.py|sgx\/libpal/.test(uri))).toEqual([]);
    expect(loader.argv).toEqual(["/usr/local/bin/python3.11", "-I", "-B", "/opt/sealflow/inside.py"]);
  });

  test("is what the overlay puts into specs; what was left out is named", async () => {
    expect(first.leftOut).toMatchObject([
      { executor: "exec-tool", reason: expect.stringContaining("alpine:3") },
    ]);
    const options = { images: [first.lock], broker: { url: "https://b" }, unprotected: ["exec-tool"] };
    const { report, document: fresh } = await confidentialOverlay(document, options);
    expect(report.ok).toBe(true);
    expect(fresh.spec.deploymentSpec.executors?.["exec-train"]?.container).toMatchObject({
      image: first.lock.image,
      command: first.lock.command,
    });
  });

  test("has its packages and its provenance beside it in the registry", async () => {
    const sbom = await referrer(first, SPDX_TYPE);
    expect(sbom.spdxVersion).toBe("SPDX-2.3");
    const names = (Array.isArray(sbom.packages) ? sbom.packages : [])
      .filter(isJsonObject)
      .map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(["cryptography", "cffi", "exec-load", "exec-train", "sealflow"]),
    );
    const provenance = await referrer(first, IN_TOTO_TYPE);
    expect(provenance).toMatchObject({
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ digest: { sha256: digestOf(first).slice(7) } }],
      predicateType: "https://slsa.dev/provenance/v1",
      predicate: { buildDefinition: { externalParameters: { mrenclave: first.lock.enclave?.mrenclave } } },
    });
  });

  test("needs no Gramine for a simulated enclave, and asks for no EPC then", async () => {
    const { enclave: _, ...rest } = input;
    const base = await pushBase(registry.host, false);
    const built = await buildImage({ ...rest, base, target: `${registry.host}/team/trial` }, tools);
    expect(built.lock).toMatchObject({ enclave: null, epc: 0 });
    await expect(buildImage({ ...input, base }, tools)).rejects.toMatchObject({
      code: "CLUSTER_GRAMINE_MISSING",
    });
  });

  test.each([
    ["a base image by tag", { base: "python:3.11" }, "CLUSTER_IMAGE_UNPINNED"],
    ["the tag latest", { target: "127.0.0.1:1/x:latest" }, "CLUSTER_IMAGE_UNPINNED"],
    ["a name that is none", { target: "X" }, "CLUSTER_IMAGE_NAME"],
  ])("refuses %s", async (_, change, code) => {
    await expect(buildImage({ ...input, ...change }, tools)).rejects.toMatchObject({ code });
  });

  test("refuses requirements that nothing pins", async () => {
    const container = document.spec.deploymentSpec.executors?.["exec-load"]?.container;
    const loose = JSON.parse(JSON.stringify(document)) as PipelineDocument;
    Object.assign(loose.spec.deploymentSpec.executors?.["exec-load"] ?? {}, {
      container: {
        ...container,
        command: ["sh", "-c", 'pip install "pandas" && "$0" "$@"', ...(container?.command ?? [])],
      },
    });
    await expect(buildImage({ ...input, document: loose }, tools)).rejects.toMatchObject({
      code: "CLUSTER_ENVIRONMENT_UNPINNED",
      message: expect.stringContaining("pandas"),
    });
  });
});

describe("requirement locks", () => {
  const hash = `--hash=sha256:${"1".repeat(64)}`;
  test("are read with their continuations, comments and markers", () => {
    const text = `# made by uv\nNumpy==2.1 \\\n    ${hash} \\\n    ${hash}\n    # via x\nxgboost-cpu==3.2.0 ; sys_platform == 'linux' ${hash}\n`;
    expect(parseLock(text, "lock").packages.map(({ name, version }) => `${name} ${version}`)).toEqual([
      "numpy 2.1",
      "xgboost-cpu 3.2.0",
    ]);
  });

  test.each([["numpy"], ["numpy>=2"], ["numpy==2.1"], ["git+https://x/y"], [`./local.whl ${hash}`]])(
    "are refused with the line %s",
    (line) => {
      expect(() => parseLock(line, "lock")).toThrow(
        expect.objectContaining({ code: "CLUSTER_ENVIRONMENT_UNPINNED" }),
      );
    },
  );

  test("get the packages that sealing needs, unless they have them; another version is a conflict", () => {
    const names = (text: string) =>
      withRuntimePackages(parseLock(text, "l")).packages.map(({ name }) => name);
    expect(names("")).toEqual(["cryptography", "cffi", "pycparser"]);
    expect(names(`cryptography==50.0.2 ${hash}\ncffi==1 ${hash}\n`)).toEqual([
      "cryptography",
      "cffi",
      "pycparser",
    ]);
    expect(() => names(`cryptography==1 ${hash}`)).toThrow(
      expect.objectContaining({ code: "CLUSTER_ENVIRONMENT_CONFLICT" }),
    );
  });
});
