import { describe, expect, it } from "vitest";
import { documentOf, type TestComponent, task } from "./pipelines.js";
import { engineOf } from "./running.js";

const both: TestComponent = {
  source:
    "import os\ndef both(given: str) -> list:\n    return [given, os.environ['JOB'], os.environ['JOB_ROOT']]\n",
  inputs: { given: "STRING" },
  outputs: { Output: "LIST" },
  env: { JOB: "{{$.pipeline_job_resource_name}}", JOB_ROOT: "{{$.pipeline_root}}" },
};

describe("placeholders of the run", () => {
  it("say the same in an input and in an executor's variable", async () => {
    const { run } = engineOf();
    const constant = "{{$.pipeline_job_resource_name}}";
    const document = documentOf({
      components: { both },
      tasks: { both: task("both", { parameters: { given: { constant } } }) },
      outputs: { all: ["both.Output", "LIST"] },
    });
    const rooted = { ...document, spec: { ...document.spec, defaultPipelineRoot: "gs://bucket/root" } };
    const { summary } = await run(rooted);
    const name = `test-pipeline-${summary.runId}`;
    expect(summary.outputs.all).toEqual([name, name, "gs://bucket/root"]);
  });
});
