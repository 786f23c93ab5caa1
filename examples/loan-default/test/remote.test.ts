/** The same pipeline here and on a server: same environment, same outputs. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore, type RunSummary } from "@sealflow/engine";
import { type RunningServer, startServer } from "@sealflow/server";
import { afterAll, beforeAll, expect, it } from "vitest";
import { cli } from "../../../packages/cli/test/support/fake-context.js";
import { directory, small } from "./example.js";

let scratch: string;
let server: RunningServer;
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "sealflow-loan-remote-"));
  server = await startServer({ port: 0, directory: join(scratch, "remote"), requireToken: true });
  writeFileSync(join(scratch, "token"), server.freshToken ?? "");
  const token = ["--token-file", join(scratch, "token")];
  await sealflow("contexts", "add", "office", "--endpoint", server.url, ...token);
});
afterAll(async () => {
  await server?.close();
  rmSync(scratch, { recursive: true, force: true });
});

const sealflow = (...args: string[]) =>
  cli(args, {
    cwd: directory,
    env: { ...process.env, SEALFLOW_CONTEXTS: join(scratch, "contexts.json") } as Record<string, string>,
    now: Date.now,
  });

const parameters = Object.entries(small).flatMap(([name, value]) => ["-p", `${name}=${value}`]);

async function run(...where: string[]): Promise<RunSummary> {
  const { stdout, stderr } = await sealflow("run", "pipeline.ts", ...parameters, "--json", ...where);
  const summary = JSON.parse(stdout || "{}");
  expect(summary, stderr).toMatchObject({ state: "SUCCEEDED" });
  return summary;
}

/** What must be equal, digests of artifacts among it: everything but where and how fast it ran. */
function comparable({ outputs, tasks }: RunSummary) {
  return {
    outputs,
    tasks: tasks.map(({ path, state, outputs, artifacts }) => ({
      ...{ path, state, outputs },
      artifacts: JSON.parse(JSON.stringify(artifacts), (key, value) => (key === "uri" ? undefined : value)),
    })),
  };
}

it("gives the same outputs, artifacts and metadata as here, in the environment that the lock pins", async () => {
  const here = await run("--store", join(scratch, "here"));
  const there = await run("--on", "office");
  expect(comparable(there)).toEqual(comparable(here));
  expect(Object.keys(here.outputs)).not.toHaveLength(0);
  const recorded = openStore(join(scratch, "remote")).readEvents(there.runId);
  expect(recorded.filter(({ type }) => type === "notice")).toEqual([]);
});
