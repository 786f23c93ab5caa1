import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { JsonObject } from "@sealflow/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { testPython } from "../../../../test-support/python.js";
import { type ComponentFile, compilePipeline, inImage, pipeline } from "../../src/authoring/index.js";
import type { ContainerExecutor, PipelineDocument } from "../../src/index.js";
import { compileWithSources, readComponentFiles } from "./read-components.js";
import { describe as describeStep, measure } from "./testdata/embedding/steps.components.js";

const run = promisify(execFile);
const steps = fileURLToPath(new URL("testdata/embedding/steps.py", import.meta.url));

const whole = pipeline({ name: "whole" }, () => {
  const described = describeStep({ name: "x" });
  measure({ table: described.outputs.table, factors: [1] });
});

function containerOf(document: PipelineDocument, label: string): ContainerExecutor {
  const container = document.spec.deploymentSpec.executors?.[label]?.container;
  if (container === undefined) throw new Error(`no container ${label}`);
  return container;
}

describe("an embedded Python component", () => {
  let directory = "";
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "sealflow-embedding-"));
  });
  afterEach(() => rm(directory, { recursive: true }));

  /** Runs a container's command line as a pod would, with the real Kubeflow SDK. */
  async function runContainer(
    { command = [], args = [] }: ContainerExecutor,
    input: JsonObject,
  ): Promise<JsonObject> {
    const outputFile = join(directory, "output.json");
    const executorInput = { ...input, outputs: { ...(input.outputs as JsonObject), outputFile } };
    const [program = "", ...rest] = [...command, ...args].map((word) =>
      word === "{{$}}" ? JSON.stringify(executorInput) : word,
    );
    const PATH = `${dirname(testPython())}${delimiter}${process.env.PATH}`;
    await run(program, rest, {
      cwd: directory,
      env: { PATH, HOME: directory, PYTHONDONTWRITEBYTECODE: "1" },
    });
    return JSON.parse(await readFile(outputFile, "utf8")) as JsonObject;
  }

  const tableOutput = () => ({
    artifacts: {
      table: {
        artifacts: [
          {
            name: "table",
            type: { schemaTitle: "system.Dataset" },
            uri: join(directory, "table"),
            metadata: {},
          },
        ],
      },
    },
  });

  it("runs on the stock executor with its local modules and literal inputs", async () => {
    const container = containerOf(compileWithSources(whole), "exec-describe");
    const output = await runContainer(container, {
      inputs: { parameterValues: { name: "world", mode: "loud", level: 2, note: "?" } },
      outputs: tableOutput(),
    });
    expect(output.parameterValues).toEqual({ text: "HELLO WORLD 4!!?", area: 9 });
    expect(await readFile(join(directory, "table"), "utf8")).toBe("Grüße, '日本' \"😀\"\t\\n");
    expect(JSON.stringify(output.artifacts)).toContain("日本 😀");
  });

  it("uses Python's own defaults for what is left out", async () => {
    const container = containerOf(compileWithSources(whole), "exec-describe");
    const inputs = { parameterValues: { name: "a" } };
    const output = await runContainer(container, { inputs, outputs: tableOutput() });
    expect(output.parameterValues).toEqual({ text: "hello a 4!", area: 9 });
  });

  it("reads artifacts", async () => {
    await writeFile(join(directory, "data"), "12345");
    const table = {
      artifacts: [{ name: "t", type: { schemaTitle: "system.Dataset" }, uri: join(directory, "data") }],
    };
    const output = await runContainer(containerOf(compileWithSources(whole), "exec-measure"), {
      inputs: { parameterValues: { factors: [2, 3] }, artifacts: { table } },
      outputs: {},
    });
    expect(output.parameterValues).toEqual({ Output: 25 });
  });
});

describe("the container of a Python component", () => {
  it("has the image, requirements and lock that the file names", () => {
    const { image, command, args, env } = containerOf(compileWithSources(whole), "exec-describe");
    expect(image).toBe("python:3.12");
    expect(command?.slice(0, 2)).toEqual(["sh", "-c"]);
    expect(command?.slice(3, 5)).toEqual(["sh", "-ec"]);
    expect(command).toHaveLength(7);
    expect(command?.[2]).toContain("'kfp==2.17.0' '--no-deps'");
    expect(command?.[2]).toContain(`'packaging>=20; python_version > '\\''3'\\'''`);
    expect(args).toEqual(["--executor_input", "{{$}}", "--function_to_execute", "describe"]);
    expect(env?.map(({ name }) => name)).toEqual(["SEALFLOW_LOCK_SHA256"]);
  });

  it("takes the code from an image that holds it", () => {
    const packed = inImage(measure, { image: "registry.example/steps:1", modulePath: "/app/steps.py" });
    const definition = pipeline({ name: "packed" }, () => {
      packed({ table: describeStep({ name: "x" }).outputs.table, factors: [1] });
    });
    expect(containerOf(compileWithSources(definition), "exec-measure")).toEqual({
      image: "registry.example/steps:1",
      command: ["python3", "-m", "kfp.dsl.executor_main", "--component_module_path", "/app/steps.py"],
      args: ["--executor_input", "{{$}}", "--function_to_execute", "measure"],
    });
  });

  it("installs from the package indexes that the file names, and trusts no host by itself", () => {
    const [file] = readComponentFiles([steps]) as [ComponentFile];
    const compiled = (more: Partial<ComponentFile["requirements"]>): string => {
      const requirements = { ...file.requirements, dependencies: ["a==1"], ...more };
      const href = new URL("testdata/embedding/steps.py", import.meta.url).href;
      const document = compilePipeline(whole, { sources: { [href]: { ...file, requirements } } });
      return containerOf(document, "exec-describe").command?.[2] ?? "";
    };
    const indexUrls = ["https://a.example/simple", "https://b.example/it's"];
    const options = "--index-url 'https://a.example/simple' --extra-index-url 'https://b.example/it'\\''s'";
    const pip = "python3 -m pip install --quiet --no-warn-script-location";
    expect(compiled({ indexUrls })).toContain(`${pip} ${options} 'a==1' `);
    expect(compiled({ indexUrls })).toContain(`${pip} ${options} 'kfp==2.17.0'`);
    expect(compiled({ indexUrls, trustedHosts: ["b.example"] })).toContain(
      `${pip} ${options} --trusted-host 'b.example' 'a==1' `,
    );
    expect(compiled({})).toContain(`${pip} 'a==1' `);
  });

  it("is refused when the signature has changed since the TypeScript was generated", () => {
    const [file] = readComponentFiles([steps]) as [ComponentFile];
    const components = file.components.map((component) => ({ ...component, digest: "sha256:other" }));
    const sources = {
      [new URL("testdata/embedding/steps.py", import.meta.url).href]: { ...file, components },
    };
    expect(() => compilePipeline(whole, { sources })).toThrow(
      expect.objectContaining({
        code: "PIPELINE_AUTHORING_INVALID",
        findings: [
          expect.objectContaining({ code: "PIPELINE_COMPONENTS_DRIFTED" }),
          expect.objectContaining({ code: "PIPELINE_COMPONENTS_DRIFTED" }),
        ],
      }),
    );
  });

  it("is refused without its source", () => {
    expect(() => compilePipeline(whole)).toThrow(
      expect.objectContaining({ code: "PIPELINE_AUTHORING_INVALID" }),
    );
  });
});
