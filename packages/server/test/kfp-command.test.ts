import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runPython } from "../../../test-support/python.js";
import { type TestServer, testServer } from "./support/server.js";

const directory = mkdtempSync(join(tmpdir(), "sealflow-kfp-"));
const package_ = join(directory, "copy.yaml");
let server: TestServer;

beforeAll(async () => {
  server = await testServer();
  const programs = fileURLToPath(new URL("./python", import.meta.url));
  const compile = `import sys; sys.path.insert(0, ${JSON.stringify(programs)}); import pipelines as p; p.compile_to(p.copy_text, sys.argv[1])`;
  await runPython(["-W", "ignore", "-c", compile, package_]);
});
afterAll(async () => {
  await server.remove();
  rmSync(directory, { recursive: true });
});

/** What the `kfp` command prints as JSON, whatever else it says. */
async function kfp(...args: readonly string[]) {
  const output = await runPython([
    "-W",
    "ignore",
    "-c",
    "from kfp.cli.__main__ import main; main()",
    "--endpoint",
    server.url,
    "--output",
    "json",
    ...args,
  ]);
  return JSON.parse(output.slice(output.search(/^[[{]/m)));
}

it("serves the official command line: pipelines, experiments, runs and recurring runs", async () => {
  const pipeline = await kfp("pipeline", "create", "-p", "copies", package_);
  expect(pipeline).toMatchObject({ display_name: "copies" });
  await kfp("pipeline", "create-version", "-p", pipeline.pipeline_id, "-v", "second", package_);
  const versions = await kfp("pipeline", "list-versions", pipeline.pipeline_id);
  expect(versions.map((version: { name: string }) => version.name).toSorted()).toEqual(["copies", "second"]);

  const run = await kfp(
    "run",
    "create",
    "-e",
    "commanded",
    "-r",
    "by command",
    "-f",
    package_,
    "-t",
    "60",
    "text=ab",
    "times=3",
  );
  expect(run).toMatchObject({ display_name: "by command", state: "SUCCEEDED" });
  expect(run.runtime_config.parameters).toEqual({ text: "ab", times: 3 });
  expect(await kfp("run", "archive", run.run_id)).toMatchObject({ storage_state: "ARCHIVED" });
  const runs = await kfp("run", "list", "-e", run.experiment_id);
  expect(runs).toMatchObject([{ run_id: run.run_id }]);

  const names = (await kfp("experiment", "list")).map(
    (experiment: { display_name: string }) => experiment.display_name,
  );
  expect(names).toContain("commanded");
  const recurring = await kfp(
    ...["recurring-run", "create", "--job-name", "nightly", "--experiment-name", "commanded", "--enabled"],
    ...["--cron-expression", "0 0 3 * * *", "--pipeline-package-path", package_],
  );
  expect(await kfp("recurring-run", "disable", recurring.recurring_run_id)).toMatchObject({
    status: "DISABLED",
  });
});
