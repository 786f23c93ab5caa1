import { afterAll, beforeAll, expect, it } from "vitest";
import { recordedRun } from "../../../../test-support/kubeflow/recorded.js";
import { type Stock, startStock } from "../../../../test-support/kubeflow/stock.js";
import { remoteArtifact } from "../../src/contexts/artifact.js";
import { openSession, type Session } from "../../src/contexts/session.js";

const { run, version, exchanges } = recordedRun("shapes");
const runId = run.run_id;
const content = new TextEncoder().encode("sealed as it is in the store");

let stock: Stock;
let session: Session;
let path = "";
beforeAll(async () => {
  const artifacts = new Map<string, Uint8Array>();
  const versions = new Map([[run.pipeline_version_reference?.pipeline_version_id ?? "", version]]);
  stock = await startStock({ runs: new Map([[runId, run]]), versions, exchanges, artifacts });
  const context = { endpoint: `${stock.url}/`, namespace: "team-a", auth: { kind: "none" } } as const;
  session = await openSession(context, {});
  // The pages name an artifact by its store, bucket and key.
  await remoteArtifact(session, { runId, task: "measure", output: "model", index: 0 });
  path = new URL(stock.asked.at(-1) ?? "", stock.url).pathname;
  artifacts.set(path, content);
});
afterAll(async () => {
  await session.close();
  await stock.close();
});

it("comes from Kubeflow's pages by where ML Metadata says that it is, for the context's namespace", async () => {
  expect(path).toMatch(
    /^\/artifacts\/minio\/mlpipeline\/v2\/artifacts\/shapes\/[^/]+\/measure\/[^/]+\/model$/,
  );
  expect(await remoteArtifact(session, { runId, task: "measure", output: "model", index: 0 })).toEqual(
    content,
  );
  expect(new URL(stock.asked.at(-1) ?? "", stock.url).search).toBe("?namespace=team-a");
});

it("is nothing where there is no such task, output or place, or where nobody hands it out", async () => {
  for (const [task, output, index] of [
    ["missing", "model", 0],
    ["measure", "missing", 0],
    ["measure", "model", 1],
    // Not among what the pages have here.
    ["importer", "artifact", 0],
  ] as const) {
    expect(await remoteArtifact(session, { runId, task, output, index })).toBeUndefined();
  }
  expect(
    await remoteArtifact(session, { runId: "gone", task: "measure", output: "model", index: 0 }),
  ).toBeUndefined();
});
