/** An engine over Jobs in a process of its own, to be killed. */
import { readFileSync } from "node:fs";
import { createEngine, openStore } from "@sealflow/engine";
import { parsePipelineDocument } from "@sealflow/pipeline";
import { connect, JobsExecutor, openArtifactStore } from "../../src/index.js";

const [document = "", store = "", kubeconfig = "", uri = "", pythonSources = ""] = process.argv.slice(2);
const environment = process.env as Record<string, string>;
const executor = new JobsExecutor({
  client: connect({ kubeconfig }, environment),
  store: openArtifactStore(uri, { environment, fetch, now: Date.now }),
  ...{ namespace: "default", pythonSources },
});
await createEngine({ store: openStore(store), executor, concurrency: 8 }).run(
  parsePipelineDocument(readFileSync(document, "utf8")),
);
