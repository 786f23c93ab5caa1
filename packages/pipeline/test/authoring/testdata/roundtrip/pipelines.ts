/** The round trips in TypeScript: one for one the pipelines of `pipelines.py`. */
import {
  boolean,
  concat,
  containerComponent,
  dataset,
  double,
  exitHandler,
  ifPresent,
  importer,
  integer,
  kubernetes,
  list,
  parallelFor,
  passTaskConfig,
  pipeline,
  runValues,
  string,
  struct,
  text,
  when,
} from "../../../../src/authoring/index.js";
import {
  deepTotal,
  fit,
  flag,
  gather,
  launch,
  make,
  maybe,
  notify,
  number,
  ratio,
  read,
  rows,
  settings,
  total,
  word,
} from "./steps.components.js";

export const unused = flag;

export const chain = pipeline(
  { name: "chain", parameters: { seed: integer(), label: string({ default: "x" }) } },
  ({ seed, label }) => {
    const first = number({ x: seed });
    const second = number({ x: first.output });
    word({ text: label });
    number().after(second);
    return { Output: second.output };
  },
);

export const parameters = pipeline(
  {
    name: "parameters",
    parameters: {
      a: string(),
      b: integer(),
      c: double(),
      d: boolean(),
      e: list(),
      f: struct(),
      g: string({ default: "g" }),
      h: integer({ default: 2 }),
      i: double({ default: 0.5 }),
      j: boolean({ default: true }),
      k: list(undefined, { default: [1, "a"] }),
      m: struct(undefined, { default: { a: { b: [1] } } }),
      n: string({ optional: true }),
    },
  },
  ({ c, e, f, n }) => {
    settings({ options: f, tags: e });
    settings({ options: { k: [1, 2.5, true] }, tags: ["a", 1] });
    ratio({ x: c });
    word({ text: n });
  },
);

export const artifacts = pipeline(
  { name: "artifacts", parameters: { rate: double({ default: 0.2 }) } },
  ({ rate }) => {
    const data = make({ size: 4 });
    const fitted = fit({ data: data.outputs.out, rate });
    read({ data: data.output });
    return { auc: fitted.outputs.auc, model: fitted.outputs.model };
  },
);

export const single_if = pipeline({ name: "single-if", parameters: { n: integer() } }, ({ n }) => {
  const coin = number({ x: n });
  when(coin.output.equals(1), () => void number({ x: n }));
});

export const comparisons = pipeline(
  { name: "comparisons", parameters: { s: string(), n: integer(), x: double(), b: boolean() } },
  ({ s, n, x, b }) => {
    when(s.equals("a b"), () => void word({ text: "1" }));
    when(n.atLeast(3), () => void word({ text: "2" }));
    when(x.lessThan(0.5), () => void word({ text: "3" }));
    when(b, () => void word({ text: "4" }));
    when(n.notEquals(number({ x: n }).output), () => void word({ text: "5" }));
  },
);

export const branches = pipeline({ name: "branches", parameters: { n: integer() } }, ({ n }) => {
  const coin = number({ x: n });
  const chosen = when(coin.output.equals(1), () => ({ it: number({ x: n }).output }))
    .elseWhen(coin.output.greaterThan(2), () => ({ it: number({ x: coin.output }).output }))
    .otherwise(() => ({ it: number({ x: 3 }).output }));
  number({ x: chosen.outputs.it });
  return { Output: chosen.outputs.it };
});

export const branch_artifacts = pipeline({ name: "branch-artifacts", parameters: { s: string() } }, ({ s }) => {
  const chosen = when(s.equals("a"), () => ({ data: make({ size: 1 }).outputs.out })).otherwise(() => ({
    data: make({ size: 9 }).outputs.out,
  }));
  read({ data: chosen.outputs.data });
  return { Output: chosen.outputs.data };
});

export const static_loop = pipeline({ name: "static-loop" }, () => {
  const loop = parallelFor([1, 2, 3], (item) => ({ result: number({ x: item }).output }), { parallelism: 2 });
  total({ xs: loop.outputs.result });
  return { Output: loop.outputs.result };
});

export const nested_loops = pipeline(
  { name: "nested-loops", parameters: { nums: list(integer()) } },
  ({ nums }) => {
    const loop = parallelFor([1, 2], (item) => {
      const outer = number({ x: item });
      const inner = parallelFor(nums, (n) => ({ result: number({ x: n }).after(outer).output }));
      return { result: inner.outputs.result };
    });
    deepTotal({ xs: loop.outputs.result });
  },
);

export const struct_loops = pipeline(
  { name: "struct-loops", parameters: { names: list(struct(string())) } },
  ({ names }) => {
    parallelFor(names, (item) => {
      word({ text: item.field("a") });
      when(item.field("b").equals("x"), () => void word({ text: item.field("c") }));
    });
    parallelFor(
      [
        { a: "x", n: "1" },
        { a: "y", n: "2" },
      ],
      (item) => {
        word({ text: item.field("a") });
        word({ text: item.field("n") });
      },
    );
    parallelFor(rows().output, (item) => void word({ text: item.field("k") }));
  },
);

export const loop_artifacts = pipeline({ name: "loop-artifacts" }, () => {
  const loop = parallelFor([1, 2], (item) => ({ made: make({ size: item }).outputs.out }));
  gather({ parts: loop.outputs.made });
});

export const exits = pipeline({ name: "exits", parameters: { m: string() } }, ({ m }) => {
  const last = notify({ message: m });
  exitHandler(last, () => {
    const counted = number({ x: 1 });
    word({ text: text`hi ${m} ${counted.output}!` });
  });
});

export const ignoring = pipeline({ name: "ignoring", parameters: { n: integer() } }, ({ n }) => {
  const risky = number({ x: n });
  notify({ message: "x" }).after(risky).ignoreUpstreamFailure();
});

export const inner = pipeline(
  { name: "inner", parameters: { n: integer({ default: 4 }), data: dataset({ optional: true }) } },
  ({ n, data }) => {
    maybe({ data });
    return { Output: number({ x: n }).output };
  },
);

export const nested = pipeline({ name: "nested", parameters: { n: integer() } }, ({ n }) => {
  const first = inner({ n });
  const second = inner({ data: make().outputs.out });
  number({ x: first.output });
  when(n.equals(1), () => void inner({ n: second.output }));
});

export const task_settings = pipeline({ name: "task-settings", parameters: { n: integer() } }, ({ n }) => {
  number({ x: n })
    .setRetry({ retries: 2, delaySeconds: 10, factor: 3, maxDelaySeconds: 60 })
    .setCaching(false)
    .setCpu({ limit: 2, request: "500m" })
    .setMemory({ limit: "4Gi", request: "500M" })
    .setAccelerator({ type: "nvidia.com/gpu", count: 1 })
    .setEnv("A", "b")
    .setDisplayName("Heavy work");
  number({ x: n }).setCaching({ key: "k" });
  number({ x: n }).setRetry({ retries: 1 });
});

export const dynamic_settings = pipeline(
  { name: "dynamic-settings", parameters: { image: string() } },
  ({ image }) => {
    const cpu = word({ text: "2" });
    number({ x: 1 }).setCpu({ limit: cpu.output }).setMemory({ request: image }).setImage(image);
  },
);

export const importers = pipeline({ name: "importers", parameters: { n: integer() } }, ({ n }) => {
  const fixed = importer({ uri: "gs://b/x", type: dataset(), metadata: { a: "b" } });
  read({ data: fixed.output });
  const uri = word({ text: "gs://b/y" });
  const dynamic = importer({
    uri: uri.output,
    type: dataset(),
    metadata: { n, deep: [uri.output] },
    reimport: true,
  });
  read({ data: dynamic.output });
});

const say = containerComponent({
  name: "say",
  image: "alpine:3.20",
  inputs: { text: string(), data: dataset(), extra: string({ optional: true }) },
  outputs: { out: dataset(), size: integer() },
  command: ["sh", "-c", "echo $0"],
  args: ({ inputs, outputs }) => [
    inputs.text,
    inputs.data.path,
    inputs.data.uri,
    outputs.out.path,
    outputs.out.uri,
    outputs.size.path,
    inputs.data.metadata("rows"),
    concat("--text=", inputs.text),
    ifPresent("extra", ["--extra", inputs.extra], ["none"]),
  ],
});

export const containers = pipeline({ name: "containers" }, () => {
  say({ text: "hello", data: make().outputs.out });
});

export const platform = pipeline({ name: "platform", parameters: { secret: string() } }, ({ secret }) => {
  number({ x: 1 }).setKubernetes(
    kubernetes.secretAsEnv({ secret: "s", keys: { password: "PASSWORD" } }),
    kubernetes.secretAsEnv({ secret, keys: { a: "A" }, optional: true }),
    kubernetes.secretAsVolume({ secret: "s", path: "/s" }),
    kubernetes.configMapAsEnv({ configMap: "c", keys: { x: "X" } }),
    kubernetes.configMapAsVolume({ configMap: "c", path: "/c" }),
    kubernetes.nodeSelector({ intelvm: "sgx" }),
    kubernetes.toleration({ key: "k", operator: "Equal", value: "v", effect: "NoSchedule", seconds: 10 }),
    kubernetes.timeout(60),
    kubernetes.imagePullPolicy("Always"),
    kubernetes.imagePullSecrets("pull"),
    kubernetes.fieldPathAsEnv({ POD: "metadata.name" }),
    kubernetes.emptyDir({ volume: "e", path: "/e", medium: "Memory", sizeLimit: "1Gi" }),
    kubernetes.ephemeralVolume({ volume: "v", path: "/v", accessModes: ["ReadWriteOnce"], size: "1Gi" }),
    kubernetes.podLabels({ a: "b" }),
    kubernetes.podAnnotations({ c: "d" }),
    kubernetes.securityContext({ runAsUser: 1000, runAsGroup: 100, runAsNonRoot: true }),
    kubernetes.nodeAffinity({ expressions: [{ key: "z", operator: "In", values: ["1"] }] }),
  );
  const volume = kubernetes.createPvc({
    pvc_name_suffix: "-data",
    access_modes: ["ReadWriteOnce"],
    size: "5Gi",
    storage_class_name: "standard",
  });
  const writer = number({ x: 2 }).setKubernetes(
    kubernetes.mountPvc({ claim: volume.outputs.name, path: "/data", subPath: "p" }),
    kubernetes.mountPvc({ claim: "fixed", path: "/fixed" }),
  );
  kubernetes.deletePvc({ pvc_name: volume.outputs.name }).after(writer);
  parallelFor([1], (item) => {
    number({ x: item }).setKubernetes(kubernetes.secretAsVolume({ secret, path: "/s" }));
  });
});

export const configured = pipeline(
  {
    name: "configured",
    description: "With settings.",
    displayName: "Configured pipeline",
    pipelineRoot: "gs://b/root",
    config: {
      workspace: { size: "10Gi", accessModes: ["ReadWriteMany"], storageClassName: "nfs" },
      ttlSecondsAfterFinished: 60,
      activeDeadlineSeconds: 3600,
    },
  },
  () => void number(),
);

const launching = passTaskConfig(launch, [
  "RESOURCES",
  { field: "ENV", applyToTask: true },
  "KUBERNETES_TOLERATIONS",
]);

export const passing_settings_on = pipeline(
  { name: "passing-settings-on", parameters: { nodes: integer({ default: 2 }) } },
  ({ nodes }) => void launching({ nodes }).setCpu({ limit: "2" }).setEnv("A", "b"),
);

export const run_values = pipeline({ name: "run-values", parameters: { label: string() } }, ({ label }) => {
  word({ text: runValues.jobName });
  word({ text: runValues.jobResourceName });
  word({ text: runValues.jobId });
  word({ text: runValues.jobCreateTime });
  word({ text: runValues.jobScheduleTime });
  word({ text: runValues.taskName });
  word({ text: runValues.taskId });
  word({ text: runValues.pipelineRoot });
  word({ text: text`${label} of ${runValues.jobName}` });
});

export const working = pipeline(
  {
    name: "working",
    config: {
      workspace: { size: "1Gi", accessModes: ["ReadWriteOnce"] },
      ttlSecondsAfterSuccess: 1,
      ttlSecondsAfterFailure: 2,
    },
  },
  () => {
    const given = importer({ uri: "gs://b/x", type: dataset(), downloadToWorkspace: true });
    read({ data: given.output });
    word({ text: runValues.workspacePath });
  },
);
