/** Runs whose artifacts are in stores of each kind. */
import { afterAll, expect, it } from "vitest";
import { azureServer, googleServer, type StoreServer } from "../../../../test-support/stores/servers.js";
import { pipelineOf, python } from "../support/jobs-pipelines.js";
import { artifactsIn, type JobsSetting, runJobs } from "./setting.js";

const document = pipelineOf({
  make: python({
    code: `
def make(data: Output[Dataset], tree: Output[Artifact]):
    import os
    open(data.path, "w").write("rows")
    os.makedirs(tree.path + "/deep")
    open(tree.path + "/deep/leaf", "w").write("leaf")
`,
    artifacts: { data: "system.Dataset", tree: "system.Artifact" },
  }),
  read: python({
    code: `
def read(data: Input[Dataset], tree: Input[Artifact]) -> str:
    return open(data.path).read() + " " + open(tree.path + "/deep/leaf").read()
`,
    artifactInputs: { data: ["make", "data", "system.Dataset"], tree: ["make", "tree", "system.Artifact"] },
    outputs: { Output: "STRING" },
  }),
});

/** The tests, over a cluster. S3 is the store of all other tests. */
export function otherStores(setting: () => JobsSetting): void {
  const stopping: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const stop of stopping) await stop();
  });
  const kinds: readonly [string, (host: string) => Promise<StoreServer>][] = [
    ["Azure Blob Storage", azureServer],
    ["Google Cloud Storage", googleServer],
  ];
  it.each(kinds)(
    "read and write %s, by signed addresses alone",
    async (_, start) => {
      const objects = await start(setting().cluster.hostIp);
      stopping.push(() => objects.stop());
      const summary = await runJobs(setting(), document, { objects, caching: false });
      expect(summary.error).toBeUndefined();
      expect(summary.tasks[1]?.outputs).toEqual({ Output: "rows leaf" });
      const [data] = summary.tasks[0]?.artifacts.data ?? [];
      expect(data?.uri.startsWith(`${objects.uri}/runs/${summary.runId}/`)).toBe(true);
      const keys = await artifactsIn(objects).list(`runs/${summary.runId}/`);
      expect(keys.map((key) => key.split("/").at(-1)).sort()).toEqual([
        ...["data", "result.json", "result.json", "tree.dir.tar"],
      ]);
    },
    180_000,
  );
}
