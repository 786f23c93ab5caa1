import {
  enclaveSizing,
  gramineManifest,
  gscFiles,
  lintManifest,
  type ManifestInput,
  sgxNode,
} from "@sealflow/cluster";
import { utf8 } from "@sealflow/core";
import { parse } from "smol-toml";
import { describe, expect, test } from "vitest";
import { runPython } from "../../../../test-support/python.js";

const sha256 = "5".repeat(64);
const input: ManifestInput = {
  python: "/usr/bin/python3",
  arguments: ["-I", "-B", "/app/sealflow/enclave.py"],
  environment: { PYTHONPATH_UNUSED: "1" },
  passthrough: ["SEALFLOW_TASK"],
  libos: { path: "/usr/lib/gramine/libsysdb.so", sha256 },
  runtimeDirectory: "/usr/lib/gramine/runtime/glibc",
  trusted: ["/usr/bin/python3", "/app/sealflow/enclave.py", "/lib/x86_64-linux-gnu/libz.so.1"].map(
    (path) => ({
      path,
      sha256,
    }),
  ),
  exchange: "/sealflow/io",
  sizing: enclaveSizing(sgxNode("Standard_DC4s_v3")),
  productId: 1,
  svn: 2,
};
const good = gramineManifest(input);
const codes = (text: string, final = true) =>
  lintManifest(utf8(text), { final }).map(({ code, path }) => `${code} ${path}`);

describe("the generated manifest", () => {
  test("passes its own lint, and says the same to another TOML reader", async () => {
    expect(codes(good)).toEqual([]);
    const python = "import json,sys,tomllib; print(json.dumps(tomllib.loads(sys.stdin.read())))";
    const other = JSON.parse(await runPython(["-c", python], good));
    expect(other).toEqual(JSON.parse(JSON.stringify(parse(good))));
    expect(other.loader.argv).toEqual(["/usr/bin/python3", "-I", "-B", "/app/sealflow/enclave.py"]);
    expect(other.sgx).toMatchObject({ remote_attestation: "dcap", enclave_size: "8G", max_threads: 32 });
  });

  test("does not depend on the order of its inputs", () => {
    expect(gramineManifest({ ...input, trusted: input.trusted.toReversed() })).toBe(good);
  });

  test("keeps fixed variables fixed", () => {
    const text = gramineManifest({ ...input, passthrough: ["OMP_NUM_THREADS", "HOME", "X"] });
    expect(parse(text)).toMatchObject({
      loader: { env: { OMP_NUM_THREADS: "4", HOME: "/root", X: { passthrough: true } } },
    });
  });
});

describe("lint refuses", () => {
  const without = (line: RegExp) => good.replace(line, "");
  const first = (text: string) => `${text}\n${good}`;
  test.each([
    [
      "arguments from the host",
      first("loader.insecure__use_cmdline_argv = true"),
      "GRAMINE_HOST_ARGUMENTS loader.insecure__use_cmdline_argv",
    ],
    [
      "the host's environment",
      first("loader.insecure__use_host_env = true"),
      "GRAMINE_HOST_ENVIRONMENT loader.insecure__use_host_env",
    ],
    [
      "a key in the manifest",
      first('fs.insecure__keys.data = "00"'),
      "GRAMINE_KEY_IN_MANIFEST fs.insecure__keys",
    ],
    [
      "any other insecure option",
      first("sgx.insecure__rpc_thread_num = 4"),
      "GRAMINE_INSECURE_OPTION sgx.insecure__rpc_thread_num",
    ],
    [
      "an insecure option not yet known",
      first("sys.insecure__new_thing = true"),
      "GRAMINE_INSECURE_OPTION sys.insecure__new_thing",
    ],
    [
      "options for debugging",
      first('sys.debug__mock_syscalls = [{ name = "fork" }]'),
      "GRAMINE_DEBUG_OPTION sys.debug__mock_syscalls",
    ],
    [
      "experimental options",
      first("sys.experimental__enable_flock = true"),
      "GRAMINE_EXPERIMENTAL_OPTION sys.experimental__enable_flock",
    ],
    ["a debug enclave", good.replace("debug = false", "debug = true"), "GRAMINE_DEBUG_ENCLAVE sgx.debug"],
    [
      "talkative logs",
      good.replace('log_level = "error"', 'log_level = "trace"'),
      "GRAMINE_LOG_LEVEL loader.log_level",
    ],
    ["no attestation", good.replace('"dcap"', '"none"'), "GRAMINE_NO_ATTESTATION sgx.remote_attestation"],
    [
      "attestation left out",
      without(/^remote_attestation.*\n/m),
      "GRAMINE_NO_ATTESTATION sgx.remote_attestation",
    ],
    [
      "files of any content",
      good.replace('"strict"', '"allow_all_but_log"'),
      "GRAMINE_FILE_CHECK sgx.file_check_policy",
    ],
    [
      "code that the host may write",
      good.replace("file:/sealflow/io/", "file:/app/"),
      "GRAMINE_ALLOWED_CODE sgx.allowed_files[0]",
    ],
    [
      "a library that the host may write",
      good.replace("file:/sealflow/io/", "file:/data/libx.so.1"),
      "GRAMINE_ALLOWED_CODE sgx.allowed_files[0]",
    ],
    [
      "everything allowed",
      good.replace("file:/sealflow/io/", "file:/"),
      "GRAMINE_ALLOWED_CODE sgx.allowed_files[0]",
    ],
    [
      "a relative way up to everything",
      good.replace("file:/sealflow/io/", "file:../usr/"),
      "GRAMINE_ALLOWED_CODE sgx.allowed_files[0]",
    ],
    [
      "platform-bound keys",
      good.replace(
        "[[fs.mounts]]",
        '[[fs.mounts]]\ntype = "encrypted"\nkey_name = "_sgx_mrsigner"\npath = "/out"\nuri = "file:/out"\n[[fs.mounts]]',
      ),
      "GRAMINE_PLATFORM_KEY fs.mounts[0].key_name",
    ],
    [
      "an encrypted mount with the default key",
      good.replace(
        "[[fs.mounts]]",
        '[[fs.mounts]]\ntype = "encrypted"\npath = "/out"\nuri = "file:/out"\n[[fs.mounts]]',
      ),
      "GRAMINE_PLATFORM_KEY fs.mounts[0].key_name",
    ],
    [
      "plaintext outside the enclave",
      good.replace('type = "tmpfs"\npath = "/tmp"', 'type = "chroot"\npath = "/tmp"'),
      "GRAMINE_PLAINTEXT_DIRECTORY fs.mounts",
    ],
    [
      "an allowed directory for plaintext",
      good.replace("file:/sealflow/io/", "file:/tmp/kfp/"),
      "GRAMINE_PLAINTEXT_DIRECTORY sgx.allowed_files[0]",
    ],
    ["profiling", first('sgx.profile.enable = "all"'), "GRAMINE_PROFILING sgx.profile.enable"],
    ["statistics", first("sgx.enable_stats = true"), "GRAMINE_PROFILING sgx.enable_stats"],
    [
      "a preloaded library of the host's choice",
      good.replace("[loader.env.SEALFLOW_TASK]", "[loader.env.LD_PRELOAD]"),
      "GRAMINE_HOST_ENVIRONMENT loader.env.LD_PRELOAD",
    ],
    [
      "an argument file that the host may write",
      first('loader.argv_src_file = "file:/sealflow/io/argv"'),
      "GRAMINE_HOST_ARGUMENTS loader.argv_src_file",
    ],
    [
      "an environment file that the host may write",
      first('loader.env_src_file = "file:/sealflow/io/env"'),
      "GRAMINE_HOST_ENVIRONMENT loader.env_src_file",
    ],
    ["sizes that no enclave has", good.replace('"8G"', '"9G"'), "GRAMINE_SIZE sgx.enclave_size"],
    ["too few threads", good.replace("max_threads = 32", "max_threads = 2"), "GRAMINE_SIZE sgx.max_threads"],
    [
      "trusted files without hash",
      good.replace(/sha256 = "5+"\n?$/, ""),
      "GRAMINE_UNHASHED sgx.trusted_files[2]",
    ],
    [
      "a LibOS without hash",
      good.replace(/(libsysdb\.so"\n)sha256 = .*\n/, "$1"),
      "GRAMINE_UNHASHED loader.entrypoint.sha256",
    ],
    [
      "a program that is not measured",
      good.replace('entrypoint = "/usr/bin/python3"', 'entrypoint = "/usr/bin/perl"'),
      "GRAMINE_UNHASHED libos.entrypoint",
    ],
  ])("%s", (_, text, expected) => {
    expect(codes(merge(text))).toContain(expected);
  });

  test("nothing of what is switched off", () => {
    expect(
      codes(merge(first("loader.insecure__use_cmdline_argv = false\nsgx.insecure__rpc_thread_num = 0"))),
    ).toEqual([]);
  });
});

/** Dotted keys in front of tables of the same name are another table to TOML: they are put where they belong. */
function merge(text: string): string {
  const [head = "", ...rest] = text.split("[libos]");
  if (rest.length === 0 || head.trim() === "") return text;
  const lines = head.trim().split("\n");
  return lines.reduce(
    (all, line) => {
      const [, table = "", tail = ""] = /^(\w+)\.(.*)$/.exec(line) ?? [];
      const header = `[${table}]`;
      return all.includes(`${header}\n`)
        ? all.replace(`${header}\n`, `${header}\n${tail}\n`)
        : `${line}\n${all}`;
    },
    `[libos]${rest.join("[libos]")}`,
  );
}

describe("the size of enclaves", () => {
  test.each([
    ["Standard_DC1s_v3", 1, "2G"],
    ["Standard_DC4s_v3", 1, "8G"],
    ["Standard_DC4s_v3", 2, "4G"],
    ["Standard_DC48ds_v3", 1, "128G"],
  ])("%s, %i at a time: %s", (size, perNode, expected) => {
    const node = sgxNode(size);
    const { enclaveSize, epcLimit } = enclaveSizing(node, perNode);
    expect(`${enclaveSize / 2 ** 30}G`).toBe(expected);
    expect(epcLimit * perNode).toBeLessThanOrEqual(node.epc - 2 ** 30);
  });

  test("is not guessed for machines without SGX, nor made too small to start", () => {
    expect(() => sgxNode("Standard_D4_v5")).toThrow("DC4s_v3");
    expect(() => enclaveSizing(sgxNode("Standard_DC1s_v3"), 20)).toThrow("at least 256M");
  });
});

test("inputs for GSC pass the lint of unfinished manifests and pin what they build on", () => {
  const files = gscFiles(
    {
      distribution: "ubuntu:22.04",
      gramineImage: `gramineproject/gramine@sha256:${sha256}`,
      environment: { OMP_NUM_THREADS: "4" },
      exchange: "/sealflow/io",
      sizing: input.sizing,
      productId: 1,
      svn: 2,
    },
    "loan",
  );
  expect(codes(files["app.manifest"], false)).toEqual([]);
  expect(files["config.yaml"]).toContain("@sha256:");
  expect(files.commands.join(" ")).not.toContain("insecure-args");
});
