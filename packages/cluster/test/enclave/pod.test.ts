import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bakeable, componentDigestOf, digestOfBytes } from "@sealflow/cluster";
import type { SealedProject } from "@sealflow/engine";
import { openArtifact } from "@sealflow/seal";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testPython } from "../../../../test-support/python.js";
import { componentEntries } from "../../src/image/components.js";
import { runtimeDigestOf, runtimeEntries } from "../../src/image/runtime.js";
import { document, openWorld, SECRET, smallRun } from "./world.js";

const sources = fileURLToPath(new URL("../../../../python/src", import.meta.url));
/** What a pod of Kubeflow's would be started with, and what came of it. */
interface Pod {
  readonly code: number;
  readonly stderr: string;
  readonly stdout: string;
}

describe("a task's pod", () => {
  let scratch = "";
  let project: SealedProject;
  let runId = "";
  let token = "";
  const runtime = runtimeDigestOf(sources);
  const surroundings = { environment: digestOfBytes(Buffer.from("lock")), runtime };

  /** The files of the image, below the scratch directory. */
  function unpackImage(entries: readonly { path: string; content: unknown }[]): void {
    for (const { path, content } of entries) {
      const file = join(scratch, "image", path.replace("/opt/sealflow/", ""));
      if (content === "directory" || !path.startsWith("/opt/sealflow/")) continue;
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content as string | Uint8Array);
    }
    const inside = join(scratch, "image", "inside-here.py");
    writeFileSync(
      join(scratch, "image", "enclave.json"),
      JSON.stringify({ enclave: "simulated", application: inside, exchange: join(scratch, "io") }),
    );
    writeFileSync(
      inside,
      `import sys, tempfile
from pathlib import Path
sys.path[:0] = [${JSON.stringify(join(scratch, "image", "python"))}]
from sealflow.enclave.inside import main
with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
    code = main(Path(${JSON.stringify(join(scratch, "image"))}), Path(memory) / "m")
sys.exit(code)
`,
    );
  }

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "sealflow-enclave-"));
    const { components } = await bakeable(document.spec);
    unpackImage([...runtimeEntries(sources, true), ...componentEntries(components, surroundings)]);
    const digests = new Map(components.map((each) => [each.executor, componentDigestOf(each, surroundings)]));
    ({ project, runId, token } = await openWorld(scratch, { ...smallRun, digests }));
  });
  afterAll(async () => {
    await project?.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  const depot = () => ({ "--depot": join(scratch, "depot") });

  /** What the task printed, opened from the pod's log with the recipients' key. */
  async function logIn({ stderr }: Pod): Promise<string> {
    const [, armored = ""] = /-----BEGIN SEALFLOW LOG-----\n([^-]*)-----END/.exec(stderr) ?? [];
    const sealed = Uint8Array.from(Buffer.from(armored, "base64"));
    const { plaintext } = await openArtifact([sealed], { unlock: { identities: project.identities } });
    const pieces: Uint8Array[] = [];
    for await (const piece of plaintext) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  }

  const place = (...names: string[]) => join(scratch, "kfp", ...names);
  const artifact = (name: string, uri: string) => ({
    [name]: { artifacts: [{ name, uri, type: { schemaTitle: "system.Dataset" }, metadata: {} }] },
  });
  const outputs = (task: string, artifacts: object = {}) => ({
    parameters: { Output: { outputFile: place(task, "Output") } },
    artifacts,
    outputFile: place(task, "executor_output.json"),
  });
  const inputs = () => ({
    make: { outputs: outputs("make", artifact("data", place("make", "data"))) },
    use: { inputs: { artifacts: artifact("data", place("make", "data")) }, outputs: outputs("use") },
    fail: { inputs: { artifacts: artifact("data", place("make", "data")) }, outputs: outputs("fail") },
  });

  function pod(
    task: keyof ReturnType<typeof inputs>,
    change: Record<string, string | undefined> = {},
  ): Promise<Pod> {
    const flags = {
      "--executor-input": JSON.stringify(inputs()[task]),
      "--executor": `exec-${task}`,
      "--broker": project.service.address,
      "--run": runId,
      "--quotes": project.service.address,
      "--quotes-token": token,
      ...change,
    };
    const words = Object.entries(flags).flatMap(([name, value]) =>
      value === undefined ? [] : [name, value],
    );
    const program = `import sys; from pathlib import Path
sys.path[:0] = [${JSON.stringify(join(scratch, "image", "python"))}]
from sealflow.enclave.shim import main
sys.exit(main(image=Path(${JSON.stringify(join(scratch, "image"))})))`;
    const env = { PATH: process.env.PATH, SEALFLOW_WORKFLOW_NODE: `run-1.root.${task}.executor` };
    const child = spawn(testPython(), ["-I", "-B", "-c", program, ...words], { env });
    const seen = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk) => {
      seen.stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      seen.stderr += chunk;
    });
    return new Promise((resolve) => child.once("close", (code) => resolve({ code: code ?? -1, ...seen })));
  }

  /** All that the host can read of what a pod left. */
  function hostSees({ stdout, stderr }: Pod): string {
    const files = readdirSync(scratch, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.includes("image"))
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"));
    return [stdout, stderr, ...files].join("\n");
  }

  test("runs nothing that is not due", async () => {
    const early = await pod("use");
    expect(early).toMatchObject({ code: 4 });
    expect(early.stderr).toMatch(/ENCLAVE_REFUSED.*TRUST_/);
  });

  test("takes its component from the image: another one's name gets no grant", async () => {
    const other = await pod("make", { "--executor": "exec-use" });
    expect(other).toMatchObject({ code: 4, stderr: expect.stringContaining("SEALED_COMPONENT") });
    const none = await pod("make", { "--executor": "exec-none" });
    expect(none).toMatchObject({ code: 4, stderr: expect.stringContaining("exec-none") });
  });

  test("gets no grant when it was measured as something else", async () => {
    const launch = project.service.launch(Uint8Array.from({ length: 32 }, () => 9));
    const refused = await pod("make", { "--quotes-token": launch.token });
    expect(refused).toMatchObject({ code: 4 });
    expect(refused.stderr).toMatch(/MEASUREMENT|MRENCLAVE|EVIDENCE/i);
  });

  test("commits nothing that its depot does not hold", async () => {
    writeFileSync(join(scratch, "no-directory"), "");
    const unkept = await pod("make", { "--depot": join(scratch, "no-directory") });
    expect(unkept).toMatchObject({ code: 1, stderr: expect.stringContaining("SEALED_DEPOSIT") });
    const { tasks } = await project.broker.status(runId);
    expect(tasks.find(({ path }) => path === "make")).toMatchObject({ state: "granted" });
    expect(existsSync(place("make", "data"))).toBe(false);
  });

  test("makes ciphertext and a commit, and shows the host nothing else", async () => {
    const made = await pod("make", depot());
    expect(made.code).toBe(0);
    expect(await logIn(made)).toBe(`printing ${SECRET}\n`);
    const { tasks } = await project.broker.status(runId);
    expect(tasks.find(({ path }) => path === "make")).toMatchObject({ state: "committed" });
    expect(existsSync(place("make", "data"))).toBe(true);
    expect(hostSees(made)).not.toContain("4711");
    cpSync(place("make", "data"), join(scratch, "sealed-data"));
    // Not declassified: a stand-in of its type.
    expect(JSON.parse(readFileSync(place("make", "executor_output.json"), "utf8"))).toEqual({
      parameterValues: { Output: 0 },
    });
  });

  test("does not run again what is committed", async () => {
    const again = await pod("make");
    expect(again.code).toBe(0);
    const text = readFileSync(place("make", "data"), "utf8");
    expect(JSON.parse(text)).toMatchObject({ version: "sealflow.reference/v1" });
    const { tasks } = await project.broker.status(runId);
    expect(tasks.find(({ path }) => path === "make")).toMatchObject({ attempts: 2 });
  });

  test("brings what an attempt committed that died before anybody took it away", async () => {
    rmSync(place("make"), { recursive: true });
    rmSync(join(scratch, "io"), { recursive: true });
    expect(await pod("make", depot())).toMatchObject({ code: 0 });
    expect(readFileSync(place("make", "data"))).toEqual(readFileSync(join(scratch, "sealed-data")));
  });

  test("refuses an input that is not the one granted", async () => {
    writeFileSync(place("make", "data"), "another file");
    const swapped = await pod("use");
    expect(swapped).toMatchObject({ code: 4, stderr: expect.stringContaining("SEALED_INPUT_MISSING") });
  });

  test("says when nobody answers, as something that may be tried again", async () => {
    const away = await pod("make", { "--broker": "unix:/nowhere/s" });
    expect(away).toMatchObject({ code: 1, stderr: expect.stringContaining("ENCLAVE_FAILED") });
  });

  test.each([
    ["no run", { "--run": undefined }, "SEALFLOW_RUN"],
    ["no JSON", { "--executor-input": "{" }, "ENCLAVE_REQUEST"],
  ])("does not start with %s", async (_, change, words) => {
    expect(await pod("make", change)).toMatchObject({ code: 2, stderr: expect.stringContaining(words) });
  });

  test("opens what another pod has sealed, and gives what is declassified", async () => {
    cpSync(join(scratch, "sealed-data"), place("make", "data"));
    const used = await pod("use");
    expect(used).toMatchObject({ code: 0, stderr: "" });
    expect(readFileSync(place("use", "Output"), "utf8")).toBe("3");
    expect(hostSees(used)).not.toContain("4711");
  });

  test("keeps a failure to its code: the message with the data stays inside", async () => {
    const failed = await pod("fail");
    expect(failed).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("ENCLAVE_FAILED]: TASK_RAISED"),
    });
    expect(hostSees(failed)).not.toContain("4711");
    expect(await project.broker.status(runId)).toMatchObject({ state: "FAILED" });
  });
});
