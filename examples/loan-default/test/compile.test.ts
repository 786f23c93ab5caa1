import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { cli } from "../../../packages/cli/test/support/fake-context.js";
import { runPython } from "../../../test-support/python.js";
import { directory } from "./example.js";

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "sealflow-loan-compile-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const READ = `
import json, sys
from kfp import components

found = {}
for path in sys.argv[1:]:
    component = components.load_component_from_file(path)
    spec = component.component_spec
    locks = component.platform_spec.platforms["sealflow"].config["locks"]
    found[spec.name] = [sorted(spec.inputs), sorted(spec.outputs or {}), list(locks)]
print(json.dumps(found))
`;

it("both pipelines compile to specs that the Kubeflow SDK reads", async () => {
  const files = await Promise.all(
    ["pipeline", "score"].map(async (name) => {
      const file = join(scratch, `${name}.yaml`);
      const { exitCode, stderr } = await cli(["compile", `${name}.ts`, "-o", file], {
        cwd: directory,
        env: process.env,
        now: Date.now,
      });
      expect(exitCode, stderr).toBe(0);
      return file;
    }),
  );
  const found = JSON.parse(await runPython(["-c", READ, ...files]));
  expect(found["loan-default"][0]).toHaveLength(13);
  expect(found["loan-default"][1]).toEqual([
    "accuracy",
    "auc",
    "daal4py_max_abs_diff",
    "rows_test",
    "rows_train",
  ]);
  expect(found["loan-scoring"]).toEqual([
    ["applicants_path", "model_path", "preprocessor_path"],
    ["rows_refused", "rows_scored", "scores"],
    [expect.stringMatching(/^sha256:[0-9a-f]{64}$/)],
  ]);
});
