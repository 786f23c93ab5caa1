/** Files and notebooks that travel inside a component's source, written for Sealflow. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type AnyPipeline,
  formatPipelineYaml,
  integer,
  parsePipelineDocument,
  pipeline,
  string,
} from "@sealflow/pipeline";
import { describe, expect, it } from "vitest";
import { testPython } from "../../../test-support/python.js";
import { compileWithSources } from "../../pipeline/test/authoring/read-components.js";
import { engineOf } from "./running.js";
import { temporaryDirectory } from "./temporary.js";
import { words } from "./testdata/written/assets_steps.components.js";
import { report } from "./testdata/written/notebook_steps.components.js";

const compiled = (definition: AnyPipeline) =>
  parsePipelineDocument(formatPipelineYaml(compileWithSources(definition)));

const reading = pipeline(
  { name: "reading", parameters: { again: integer({ default: 1 }) } },
  ({ again }) => ({
    Output: words({ again }).output,
  }),
);

const reporting = pipeline({ name: "reporting", parameters: { path: string() } }, ({ path }) => ({
  Output: report({ name: "it's", factor: 2, path }).output,
}));

const EXPECTED = "below embedded words";

describe("files that travel with a component", () => {
  it("are where its input says", async () => {
    const { summary, failures } = await engineOf().run(compiled(reading));
    expect(failures).toEqual({});
    expect(summary.outputs).toEqual({ Output: EXPECTED });
  });

  it("are found by Kubeflow's own executor as well", () => {
    const { command = [] } = compiled(reading).spec.deploymentSpec.executors?.["exec-words"]?.container ?? {};
    const directory = temporaryDirectory();
    const source = join(directory, "component.py");
    writeFileSync(source, command.at(-1) ?? "");
    const outputFile = join(directory, "output.json");
    const input = { inputs: { parameterValues: { again: 2 } }, outputs: { outputFile } };
    const module = ["-m", "kfp.dsl.executor_main", "--component_module_path", source];
    const args = [...module, "--executor_input", JSON.stringify(input), "--function_to_execute", "words"];
    execFileSync(testPython(), args, { cwd: directory, env: { ...process.env, _KFP_RUNTIME: "true" } });
    expect(JSON.parse(readFileSync(outputFile, "utf8"))).toEqual({
      parameterValues: { Output: EXPECTED.repeat(2) },
    });
  });

  it("give the same bytes each time", () => {
    expect(formatPipelineYaml(compileWithSources(reading))).toBe(
      formatPipelineYaml(compileWithSources(reading)),
    );
  });
});

describe("a notebook as a component", () => {
  it("brings its client along", () => {
    const { command = [] } =
      compiled(reporting).spec.deploymentSpec.executors?.["exec-report"]?.container ?? {};
    expect(command[2]).toContain("'nbclient>=0.10,<1' 'ipykernel>=6,<7' 'jupyter_client>=7,<9'");
  });

  it.runIf(process.env.SEALFLOW_SLOW)(
    "runs with its parameters set",
    async () => {
      const { run, directory } = engineOf();
      const path = join(mkdtempSync(join(directory, "report-")), "report.txt");
      const { summary, failures } = await run(compiled(reporting), { parameters: { path } });
      expect(failures).toEqual({});
      expect(summary.outputs).toEqual({ Output: "it's 42" });
    },
    600_000,
  );
});
