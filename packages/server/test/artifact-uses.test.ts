import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { findArtifact, KfpClient, readRunRecord } from "@sealflow/kfp";
import type { ArtifactValue } from "@sealflow/pipeline";
import { afterAll, beforeAll, expect, it } from "vitest";
import { removeDirectory, type TestServer, temporaryDirectory, testServer } from "./support/server.js";

const artifact = { artifactType: { schemaTitle: "system.Dataset", schemaVersion: "0.0.1" } };
const directory = temporaryDirectory();
let server: TestServer;
let api: KfpClient;
const start = async () => {
  server = await testServer({ directory, engine: { containers: "host" }, requestsPerSecond: 1e5 });
  api = new KfpClient({ baseUrl: server.url });
};
beforeAll(start);
afterAll(async () => {
  await server.remove();
  removeDirectory(directory);
});

/** `make` writes a text, `use` reads it; an importer brings in a file instead where one is given. */
function spec(name: string, text: string, imported?: string) {
  const make = {
    image: "none",
    command: ["sh", "-c", `printf %s '${text}' > "$0"`, "{{$.outputs.artifacts['made'].path}}"],
  };
  const use = { image: "none", command: ["sh", "-c", 'cat "$0"', "{{$.inputs.artifacts['used'].path}}"] };
  const importer = {
    artifactUri: { constant: imported ?? "" },
    typeSchema: artifact.artifactType,
  };
  const from = { producerTask: "make", outputArtifactKey: imported === undefined ? "made" : "artifact" };
  const output = { artifacts: { [from.outputArtifactKey]: artifact } };
  return {
    pipelineInfo: { name },
    schemaVersion: "2.1.0",
    root: {
      dag: {
        tasks: {
          make: {
            taskInfo: { name: "make" },
            componentRef: { name: "comp-make" },
            cachingOptions: { enableCache: true },
          },
          use: {
            taskInfo: { name: "use" },
            componentRef: { name: "comp-use" },
            dependentTasks: ["make"],
            inputs: { artifacts: { used: { taskOutputArtifact: from } } },
          },
        },
      },
    },
    components: {
      "comp-make": { executorLabel: "exec-make", outputDefinitions: output },
      "comp-use": { executorLabel: "exec-use", inputDefinitions: { artifacts: { used: artifact } } },
    },
    deploymentSpec: {
      executors: {
        "exec-make": imported === undefined ? { container: make } : { importer },
        "exec-use": { container: use },
      },
    },
  };
}

async function run(...of: Parameters<typeof spec>): Promise<string> {
  const { run_id } = await api.createRun({
    display_name: of[0],
    pipeline_spec: JSON.parse(JSON.stringify(spec(...of))),
  });
  expect(await api.waitForRun(run_id, () => sleep(20))).toMatchObject({ state: "SUCCEEDED" });
  return run_id;
}

async function madeIn(runId: string): Promise<ArtifactValue> {
  const { events = [] } = await readRunRecord({ baseUrl: server.url }, runId);
  const end = events.find((event) => event.type === "task-finished" && event.path === "make");
  const outputs = end?.outputs as { artifacts: Record<string, ArtifactValue[]> } | undefined;
  const [value] = Object.values(outputs?.artifacts ?? {}).flat();
  if (value === undefined) throw new Error("expected an artifact");
  return value;
}

const usesOf = async (digest: string) => {
  const { uses, total } = await findArtifact({ baseUrl: server.url }, { digest });
  expect(total).toBe(uses.length);
  return uses
    .map(({ display_name, side, task, how }) => `${display_name}: ${task} ${side} (${how})`)
    .toSorted();
};

it("an artifact is found in every run that made, took from the cache, imported or used the same content", async () => {
  const first = await run("first", "the same");
  const { digest = "" } = await madeIn(first);
  const own = ["first: make made (run)", "first: use used (run)"];
  expect(await usesOf(digest)).toEqual(own);

  await run("cached", "the same");
  await run("other", "something else");
  const file = join(directory, "imported.txt");
  writeFileSync(file, "the same");
  await run("importing", "", pathToFileURL(file).href);
  const cached = ["cached: make made (cache)", "cached: use used (run)"];
  const imported = ["importing: make made (importer)", "importing: use used (run)"];
  expect(await usesOf(digest)).toEqual([...cached, ...own, ...imported]);

  await server.close();
  await start();
  expect(await usesOf(digest)).toEqual([...cached, ...own, ...imported]);
  await api.deleteRun(first);
  expect(await usesOf(digest)).toEqual([...cached, ...imported]);
});

it("what goes on is found as well, and what was retried is found as it ended at last", async () => {
  const flag = join(directory, "flag");
  const waiting = spec("waiting", "one of a kind");
  const { run_id } = await api.createRun({
    display_name: "waiting",
    pipeline_spec: JSON.parse(JSON.stringify(waiting).replace('cat \\"$0\\"', `test -e ${flag}`)),
  });
  expect(await api.waitForRun(run_id, () => sleep(20))).toMatchObject({ state: "FAILED" });
  const { digest = "" } = await madeIn(run_id);
  const both = ["waiting: make made (run)", "waiting: use used (run)"];
  expect(await usesOf(digest)).toEqual(both);
  writeFileSync(flag, "");
  await api.retryRun(run_id);
  expect(await api.waitForRun(run_id, () => sleep(20))).toMatchObject({ state: "SUCCEEDED" });
  expect(await usesOf(digest)).toEqual(both);

  const slow = JSON.stringify(spec("slow", "while it goes on")).replace('cat \\"$0\\"', "sleep 30");
  const going = await api.createRun({ display_name: "slow", pipeline_spec: JSON.parse(slow) });
  await expect
    .poll(async () => {
      const { events = [] } = await readRunRecord({ baseUrl: server.url }, going.run_id);
      return events.some((event) => event.type === "task-started" && event.path === "use");
    })
    .toBe(true);
  const made = await madeIn(going.run_id);
  expect(await usesOf(made.digest ?? "")).toEqual(["slow: make made (run)", "slow: use used (run)"]);
  await api.terminateRun(going.run_id);
});

it("one of digest and uri is asked for", async () => {
  for (const query of ["", "?digest=", "?digest=sha256:x&uri=y"])
    expect((await fetch(`${server.url}/api/artifacts${query}`)).status).toBe(400);
  const unknown = await findArtifact({ baseUrl: server.url }, { uri: "s3://nowhere" });
  expect(unknown).toEqual({ uses: [], total: 0 });
});
