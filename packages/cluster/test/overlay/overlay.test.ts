import { AKS_SGX_POOL, checkImageLock, confidentialOverlay, type OverlayOptions } from "@sealflow/cluster";
import type { JsonObject } from "@sealflow/core";
import { type ContainerExecutor, type PipelineDocument, parsePipelineDocument } from "@sealflow/pipeline";
import { describe, expect, it } from "vitest";
import { lockFor } from "./locks.js";

const broker = { url: "https://broker.example" };
const inline: ContainerExecutor = {
  image: "python:3.11",
  command: ["sh", "-ec", 'exec python3 -m kfp.dsl.executor_main "$0" "$@"', "def train(): ..."],
  args: ["--executor_input", "{{$}}", "--function_to_execute", "train"],
};

function document(container: ContainerExecutor, settings?: JsonObject): PipelineDocument {
  return parsePipelineDocument(
    JSON.stringify({
      pipelineInfo: { name: "p" },
      schemaVersion: "2.1.0",
      deploymentSpec: { executors: { "exec-train": { container } } },
      components: {
        "comp-train": {
          executorLabel: "exec-train",
          inputDefinitions: { parameters: { seed: { parameterType: "NUMBER_INTEGER" } } },
          outputDefinitions: { parameters: { Output: { parameterType: "STRING" } } },
        },
        "comp-condition-1": {
          dag: {
            tasks: {
              again: {
                componentRef: { name: "comp-train" },
                inputs: { parameters: { seed: { runtimeValue: { constant: 1 } } } },
                cachingOptions: { enableCache: true },
              },
            },
          },
          inputDefinitions: { parameters: { x: { parameterType: "STRING" } } },
        },
      },
      root: {
        dag: {
          tasks: {
            train: {
              componentRef: { name: "comp-train" },
              cachingOptions: { enableCache: true },
              inputs: { parameters: { seed: { componentInputParameter: "seed" } } },
            },
            "condition-1": {
              componentRef: { name: "comp-condition-1" },
              dependentTasks: ["train"],
              inputs: {
                parameters: {
                  x: { taskOutputParameter: { producerTask: "train", outputParameterKey: "Output" } },
                },
              },
              triggerPolicy: { condition: "inputs.parameter_values['x'] == 'go'" },
            },
          },
        },
        inputDefinitions: { parameters: { seed: { parameterType: "NUMBER_INTEGER" } } },
      },
    }) +
      (settings === undefined
        ? ""
        : `\n---\n${JSON.stringify({ platforms: { kubernetes: { deploymentSpec: { executors: { "exec-train": settings } } } } })}`),
  );
}

const overlay = async (original: PipelineDocument, options: Partial<OverlayOptions> = {}) =>
  confidentialOverlay(original, { images: [await lockFor(original)], broker, ...options });
const executorOf = ({ spec }: PipelineDocument) => spec.deploymentSpec.executors?.["exec-train"]?.container;
const settingsOf = ({ platform }: PipelineDocument) =>
  platform?.platforms.kubernetes?.deploymentSpec?.executors?.["exec-train"];

describe("a protected executor", () => {
  it("runs the measured image by digest, with EPC, on the pool, with the quote provider, uncached", async () => {
    const { document: fresh, report } = await overlay(document(inline), { runId: "r-1" });
    expect(executorOf(fresh)).toEqual({
      image: `registry.example/team/loan@sha256:${"a".repeat(64)}`,
      command: ["/usr/bin/python3", "-I", "/opt/sealflow/shim.py"],
      args: ["--executor-input", "{{$}}", "--executor", "exec-train", "--broker", broker.url, "--run", "r-1"],
      resources: {
        accelerator: {
          type: "sgx.intel.com/epc",
          count: "9663676416",
          resourceType: "sgx.intel.com/epc",
          resourceCount: "9663676416",
        },
      },
    });
    expect(settingsOf(fresh)).toEqual({
      nodeSelector: { labels: { intelvm: "sgx" } },
      podMetadata: {
        labels: { "sealflow.dev/confidential": "true" },
        annotations: { "sgx.intel.com/quote-provider": "aesmd" },
      },
      tolerations: [{ key: "confidential", operator: "Equal", value: "true", effect: "NoSchedule" }],
      fieldPathAsEnv: [
        {
          name: "SEALFLOW_WORKFLOW_NODE",
          fieldPath: "metadata.annotations['workflows.argoproj.io/node-name']",
        },
      ],
    });
    expect(JSON.stringify(fresh)).not.toContain("enableCache");
    expect(report.ok).toBe(true);
  });

  it("keeps outputs on a claim until they are committed, and no other volume beside it", async () => {
    const depot = { claim: "sealed-depot" };
    const { document: fresh } = await overlay(document(inline), { depot });
    expect(executorOf(fresh)?.args).toContain("--depot");
    const pvcNameParameter = { runtimeValue: { constant: "sealed-depot" } };
    const mount = { constant: "sealed-depot", mountPath: "/sealflow/depot", pvcNameParameter };
    expect(settingsOf(fresh)?.pvcMount).toEqual([mount]);
    const again = await overlay(fresh, { depot });
    expect(again.document).toEqual(fresh);
    const other = document(inline, { pvcMount: [{ ...mount, mountPath: "/data" }] });
    expect((await overlay(other, { depot })).report.ok).toBe(false);
  });

  it("keeps its own resources, labels, tolerations and timeouts", async () => {
    const original = document(
      { ...inline, resources: { resourceCpuLimit: "2", cpuLimit: 2 } },
      {
        nodeSelector: { labels: { disk: "fast" } },
        podMetadata: { annotations: { a: "b" } },
        tolerations: [{ key: "t", operator: "Exists" }],
        activeDeadlineSeconds: "60",
        imagePullSecret: [{ secretName: "pull" }],
      },
    );
    const { document: fresh } = await overlay(original);
    expect(executorOf(fresh)?.resources).toMatchObject({ resourceCpuLimit: "2", cpuLimit: 2 });
    expect(settingsOf(fresh)).toMatchObject({
      nodeSelector: { labels: { disk: "fast", intelvm: "sgx" } },
      podMetadata: { annotations: { a: "b" } },
      activeDeadlineSeconds: "60",
      imagePullSecret: [{ secretName: "pull" }],
    });
    expect(settingsOf(fresh)?.tolerations).toHaveLength(2);
  });

  it("is not placed by a parameter: selectors that the control plane fills in are dropped", async () => {
    const selector = { nodeSelectorJson: { componentInputParameter: "x" } };
    const { document: fresh } = await overlay(document(inline, { nodeSelector: selector }));
    expect(settingsOf(fresh)?.nodeSelector).toEqual({ labels: { intelvm: "sgx" } });
  });

  it("whose enclave is simulated is refused unless a quoting service is named, and says so then", async () => {
    const original = document(inline);
    const images = [await lockFor(original, { enclave: null, epc: 0 })];
    const refused = await overlay(original, { images });
    expect(refused.report).toMatchObject({
      ok: false,
      tasks: [{ reasons: [{ code: "OVERLAY_SIMULATED" }] }, {}],
    });
    const quotes = { url: "https://q", token: "t", pin: "d".repeat(64) };
    const { document: fresh, report } = await overlay(original, { images, quotes });
    expect(report).toMatchObject({ ok: true, tasks: [{ state: "simulated" }, { state: "simulated" }] });
    expect(executorOf(fresh)?.resources).toBeUndefined();
    expect(executorOf(fresh)?.args?.slice(-6)).toEqual([
      ...["--quotes", "https://q", "--quotes-token", "t", "--quotes-pin", quotes.pin],
    ]);
    // A real enclave has no use for them.
    const real = await overlay(original, { quotes });
    expect(executorOf(real.document)?.args).not.toContain("--quotes");
  });
});

describe("the report", () => {
  it("names each task, its component's digest, what the control plane sees, and what must be declassified", async () => {
    const { report } = await overlay(document(inline));
    expect(report.tasks).toMatchObject([
      { path: "train", state: "protected", visible: [{ name: "seed", why: "run-parameter" }] },
      { path: "condition-1/again", state: "protected", visible: [{ name: "seed", why: "constant" }] },
    ]);
    expect(report.tasks[0]?.component).toMatch(/^sha256:/);
    expect(report.declassify).toEqual(["train/Output"]);
  });

  const other = (change: Partial<ContainerExecutor>, settings?: JsonObject) =>
    document({ ...inline, ...change }, settings);
  it.each([
    ["source in its arguments, and no image", other({}), [], "OVERLAY_INLINE_CODE"],
    ["an image of its own", other({ command: ["train"], args: [] }), [], "OVERLAY_IMAGE_UNKNOWN"],
    [
      "another accelerator",
      other({ resources: { accelerator: { type: "nvidia.com/gpu", count: "1" } } }),
      undefined,
      "OVERLAY_ACCELERATOR",
    ],
    [
      "a pause for debugging",
      other({ env: [{ name: "ARGO_DEBUG_PAUSE_BEFORE", value: "true" }] }),
      undefined,
      "OVERLAY_DEBUG_PAUSE",
    ],
    [
      "a secret as a variable",
      other({}, { secretAsEnv: [{ secretName: "s" }] }),
      undefined,
      "OVERLAY_OUTSIDE_DATA",
    ],
    [
      "a secret as files",
      other({}, { secretAsVolume: [{ secretName: "s", mountPath: "/s" }] }),
      undefined,
      "OVERLAY_OUTSIDE_DATA",
    ],
    [
      "a volume",
      other({}, { pvcMount: [{ constant: "v", mountPath: "/v" }] }),
      undefined,
      "OVERLAY_OUTSIDE_DATA",
    ],
    [
      "an empty directory",
      other({}, { emptyDirMounts: [{ volumeName: "v", mountPath: "/v" }] }),
      undefined,
      "OVERLAY_OUTSIDE_DATA",
    ],
    [
      "containers before it",
      other({}, { initContainers: [{ image: "x" }] }),
      undefined,
      "OVERLAY_OUTSIDE_DATA",
    ],
  ] as const)(
    "says why a task with %s can't be protected, and leaves it as it was",
    async (_, original, images, code) => {
      const options = images === undefined ? {} : { images };
      const { document: fresh, report } = await overlay(original, options);
      expect(report.ok).toBe(false);
      expect(report.tasks[0]?.reasons.map((reason) => reason.code)).toContain(code);
      expect(executorOf(fresh)).toEqual(executorOf(original));
      expect(settingsOf(fresh)).toEqual(settingsOf(original));
    },
  );

  it("finds code that has changed since the image was built", async () => {
    const images = [await lockFor(document(inline))];
    const changed = document({
      ...inline,
      command: [...(inline.command ?? []).slice(0, -1), "def train(): evil()"],
    });
    const { report } = await overlay(changed, { images });
    expect(report.tasks[0]?.reasons.map(({ code }) => code)).toEqual(["OVERLAY_IMAGE_STALE"]);
    const otherImage = await overlay(document({ ...inline, image: "python:3.12" }), { images });
    expect(otherImage.report.ok).toBe(false);
    const sameCode = await overlay(document({ ...inline, resources: { resourceMemoryLimit: "1G" } }), {
      images,
    });
    expect(sameCode.report.ok).toBe(true);
  });

  it("takes exemptions by name, and lists them", async () => {
    const { report } = await overlay(document(inline), { images: [], unprotected: ["exec-train"] });
    expect(report).toMatchObject({ ok: true, exempted: ["exec-train"] });
    const none = await overlay(document(inline), { images: [], unprotected: ["exec-other"] });
    expect(none.report).toMatchObject({ ok: false, exempted: [] });
  });
});

describe("an image lock", () => {
  it("is refused when the image has a tag, no digest, or fields that are not known", async () => {
    const lock = await lockFor(document(inline));
    expect(checkImageLock(JSON.parse(JSON.stringify(lock)))).toEqual(lock);
    const digest = `sha256:${"a".repeat(64)}`;
    for (const image of ["r/x:latest", "r/x", `x@${digest}`, `r/x:1@${digest}`, `r/X@${digest}`]) {
      expect(() => checkImageLock({ ...lock, image }), image).toThrow(/image lock/);
    }
    expect(() => checkImageLock({ ...lock, more: 1 })).toThrow(/image lock/);
  });

  it("of the reference pool names what AKS names", () => {
    expect(AKS_SGX_POOL).toMatchObject({ labels: { intelvm: "sgx" }, epcResource: "sgx.intel.com/epc" });
  });
});
