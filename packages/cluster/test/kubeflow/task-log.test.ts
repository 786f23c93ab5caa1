/** Logs of tasks where only Kubeflow's own servers can be asked: behind a gateway, or its API alone. */
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { recordedRun } from "../../../../test-support/kubeflow/recorded.js";
import { type Stock, startStock } from "../../../../test-support/kubeflow/stock.js";
import { remoteLog } from "../../src/contexts/logs.js";
import { openSession, type Session } from "../../src/contexts/session.js";

const names = ["shapes", "shapes-again"] as const;
const recorded = names.map(recordedRun);
const [runId = "", cachedId = ""] = recorded.map(({ run }) => run.run_id);
const pages = "/k8s/pod/logs";
const api = `/apis/v1alpha1/runs/${runId}/nodes/pod-3-numbers/log`;

let stock: Stock;
let session: Session;
const contents = new Map<string, Uint8Array>();
beforeAll(async () => {
  stock = await startStock({
    runs: new Map(recorded.map(({ run }) => [run.run_id, run])),
    versions: new Map(
      recorded.map(({ run, version }) => [
        run.pipeline_version_reference?.pipeline_version_id ?? "",
        version,
      ]),
    ),
    exchanges: recorded.flatMap(({ exchanges }) => exchanges),
    artifacts: contents,
  });
  session = await openSession({ endpoint: `${stock.url}/`, auth: { kind: "none" } }, {});
});
afterAll(async () => {
  await session.close();
  await stock.close();
});
beforeEach(() => contents.clear());

const put = (path: string, text: string) => contents.set(path, new TextEncoder().encode(text));

async function log(task: string, more: { run?: string; follow?: boolean } = {}): Promise<string[]> {
  const { run = runId, follow = false } = more;
  const chunks: string[] = [];
  for await (const chunk of remoteLog(session, { runId: run, task, follow, pollMs: 1 })) {
    chunks.push(chunk);
    if (follow) put(pages, "one\ntwo\n");
  }
  return chunks;
}

it("comes from the server of the pages, which is asked for the pod that the launcher recorded", async () => {
  put(pages, "one\n");
  expect(await log("numbers")).toEqual(["one\n"]);
  const asked = stock.asked.filter((path) => path.startsWith(pages)).at(-1);
  expect(asked).toBe(`${pages}?podname=pod-3-numbers&podnamespace=kubeflow&runid=${runId}`);
});

it("is followed by asking again, to the task's end", async () => {
  put(pages, "one\n");
  expect(await log("numbers", { follow: true })).toEqual(["one\n", "two\n"]);
});

it("comes from the API's own route where there are no pages, unless that has only an error", async () => {
  put(api, "from the API\n");
  expect(await log("numbers")).toEqual(["from the API\n"]);
  put(api, '{"error_message":"Failed to read logs","error_details":"pods not found"}');
  await expect(log("numbers")).rejects.toMatchObject({
    code: "CLUSTER_LOG_UNAVAILABLE",
    hint: expect.stringContaining("PUBLISH_LOGS"),
  });
});

it("is empty for what came from Kubeflow's cache, and unavailable for what never was", async () => {
  expect(await log("numbers", { run: cachedId })).toEqual([]);
  await expect(log("none")).rejects.toMatchObject({ code: "CLUSTER_LOG_UNAVAILABLE" });
  await expect(log("none", { follow: true })).rejects.toMatchObject({ code: "CLUSTER_LOG_UNAVAILABLE" });
});
