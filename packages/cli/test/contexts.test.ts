import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type RunningServer, startServer } from "@sealflow/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cli, type FakeOptions } from "./support/fake-context.js";

let directory: string;
let server: RunningServer;
let env: Record<string, string | undefined>;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "sealflow-contexts-"));
  cpSync(fileURLToPath(new URL("testdata/sums", import.meta.url)), directory, { recursive: true });
  writeFileSync(join(directory, "package.json"), "{}");
  server = await startServer({ port: 0, directory: join(directory, "remote"), requireToken: true });
  writeFileSync(join(directory, "token"), `${server.freshToken}\n`);
  env = { ...process.env, SEALFLOW_CONTEXTS: join(directory, "config", "contexts.json") };
  await sealflow(
    "contexts",
    "add",
    "office",
    "--endpoint",
    server.url,
    "--token-file",
    join(directory, "token"),
  );
});
afterAll(async () => {
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

const within = (options: FakeOptions, ...args: string[]) =>
  cli(args, { cwd: directory, env: env as Record<string, string>, now: Date.now, ...options });
const sealflow = (...args: string[]) => within({}, ...args);
const json = async (...args: string[]) => JSON.parse((await sealflow(...args, "--json")).stdout);
const sums = ["pipeline.ts", "--pipeline", "sums"];
const waiting = ["run", "pipeline.ts", "--pipeline", "waiting", "--on", "office"];

/** A summary without what differs from run to run. */
function comparable(summary: { outputs: object; state: string; tasks: readonly Record<string, unknown>[] }) {
  const tasks = summary.tasks.map(({ path, name, state, outputs, artifacts }) => ({
    ...{ path, name, state, outputs },
    artifacts: JSON.parse(JSON.stringify(artifacts), (key, value) => (key === "uri" ? undefined : value)),
  }));
  return { keys: Object.keys(summary), outputs: summary.outputs, state: summary.state, tasks };
}

describe("sealflow contexts", () => {
  it("keeps names and places in a file that only its owner reads, and no secrets", async () => {
    const path = env.SEALFLOW_CONTEXTS ?? "";
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, "utf8")).not.toContain(server.freshToken);
    const { stdout } = await sealflow("contexts", "list");
    expect(stdout).toMatch(/^ {2}NAME .*\n\* local .*\n {2}office +http:\/\/127\.0\.0\.1:\d+ +– +bearer\n$/);
    expect((await sealflow("contexts", "check", "office")).stdout).toBe(
      "office answers, and lists runs (one user)\n",
    );
  });

  it("refuses names that mean something else, half an address, and unknown contexts", async () => {
    const wrong: [string[], string][] = [
      [["add", "local", "--endpoint", "http://x"], "local is this machine"],
      [["add", "a b", "--endpoint", "http://x"], "expected letters"],
      [["add", "x"], "expected either --endpoint"],
      [["add", "x", "--endpoint", "http://x", "--kubernetes", "y"], "expected either --endpoint"],
      [["add", "x", "--endpoint", "kubeflow.example"], "expected an address that begins with http"],
      [["add", "x", "--kubernetes", "y", "--service", "ml-pipeline"], "expected namespace/name:port"],
      [["add", "x", "--endpoint", "http://x", "--user", "me"], "--password-file or --password-env"],
      [["use", "ofice"], "expected one of local, office"],
    ];
    for (const [args, message] of wrong) {
      const { exitCode, stderr } = await sealflow("contexts", ...args);
      expect(stderr).toContain(message);
      expect(exitCode).toBe(2);
    }
  });

  it("goes where the context in use leads, until another one is used", async () => {
    expect((await sealflow("contexts", "use", "office")).exitCode).toBe(0);
    expect((await sealflow("contexts")).stdout).toContain("* office");
    const { runId } = await json("run", ...sums);
    expect((await json("runs", "list")).runs[0].runId).toBe(runId);
    await sealflow("contexts", "use", "local");
    expect((await json("runs", "list")).runs).toEqual([]);
  });
});

describe("a run on another engine", () => {
  it("gives the same object as a run here, and uploads the same pipeline once", async () => {
    const there = await json("run", ...sums, "-p", "count=7", "--on", "office");
    const here = await json("run", ...sums, "-p", "count=7");
    expect(comparable(there)).toEqual(comparable(here));
    const again = await json("run", ...sums, "-p", "count=7", "--on", "office");
    expect(again.tasks.map(({ cached }: { cached: boolean }) => cached)).toEqual([true, true]);
  });

  it("is shown, listed and deleted, and its logs are read", async () => {
    const summary = await json("run", ...sums, "--on", "office", "--name", "ours", "--no-cache");
    const shown = await json("runs", "show", summary.runId, "--on", "office");
    expect(shown).toMatchObject({
      name: "ours",
      pipelineName: "sums",
      state: "SUCCEEDED",
      outputs: summary.outputs,
    });
    const logs = await sealflow("runs", "logs", "latest", "--on", "office");
    expect(logs).toMatchObject({ exitCode: 0, stderr: "" });
    expect((await json("runs", "delete", summary.runId, "--on", "office")).deleted).toEqual([summary.runId]);
    expect(await sealflow("runs", "show", summary.runId, "--on", "office")).toMatchObject({ exitCode: 1 });
  });

  it("fails with the task's error and says where to read its log", async () => {
    const { exitCode, stderr, stdout } = await sealflow(...waiting, "-p", "seconds=0", "--logs");
    expect(exitCode).toBe(1);
    expect(stdout).toContain("FAILED");
    expect(stderr).toContain("nothing to wait for: 0");
    expect(stderr).toMatch(/wait \| ValueError: nothing to wait for: 0/);
    expect(stderr).toMatch(/hint: sealflow runs logs \S+ 'wait' --on office/);
  });

  it.each(["detach", "cancel"] as const)("at Ctrl-C does what was chosen: %s", async (choice) => {
    const { exitCode, stderr } = await within(
      {
        onContext: (context) => {
          const write = context.process.stderr.write;
          context.process.stderr.write = (text: string) => {
            write(text);
            if (text.startsWith("started")) setTimeout(() => context.interrupt(), 50);
          };
        },
      },
      ...[...waiting, "--on-interrupt", choice],
    );
    expect(exitCode).toBe(130);
    const id = /^Run (\S+) on office/.exec(stderr)?.[1] ?? "";
    const { state } = await json("runs", "show", id, "--on", "office");
    expect(state).toBe(choice === "cancel" ? "CANCELED" : "RUNNING");
    if (choice === "detach") await sealflow("runs", "cancel", id, "--on", "office");
  });

  it("is refused where the token is not taken, and where nobody answers", async () => {
    writeFileSync(join(directory, "wrong"), "wrong");
    await sealflow(
      "contexts",
      "add",
      "wrong",
      "--endpoint",
      server.url,
      "--token-file",
      join(directory, "wrong"),
    );
    await sealflow("contexts", "add", "nobody", "--endpoint", "http://127.0.0.1:1");
    await sealflow("contexts", "add", "none", "--endpoint", server.url, "--token-env", "SEALFLOW_NO_TOKEN");
    const codes = [];
    for (const name of ["wrong", "nobody", "none"]) {
      codes.push((await json("run", ...sums, "--on", name)).error.code);
      await sealflow("contexts", "remove", name);
    }
    expect(codes).toEqual(["KFP_REQUEST_REFUSED", "KFP_UNREACHABLE", "CLUSTER_SECRET_MISSING"]);
  });
});
