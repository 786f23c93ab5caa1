/**
 * What the editor accepts and refuses. `tsc -b` checks this file: every `@ts-expect-error` must stand above an error,
 * and nothing else may be one. At run time the same mistakes are findings, which the test below counts.
 */
import { expect, expectTypeOf, it } from "vitest";
import {
  type ArtifactListRef,
  type ArtifactRef,
  artifact,
  artifactList,
  boolean,
  containerComponent,
  dataset,
  double,
  type IntegerType,
  integer,
  type ListType,
  list,
  model,
  type ParameterRef,
  parallelFor,
  pipeline,
  pythonComponent,
  type StringType,
  string,
  struct,
  when,
} from "../../src/authoring/index.js";

const python = { source: "file:///steps.py", signature: "sha256:0" };
const makeInt = pythonComponent({
  ...python,
  function: "make_int",
  inputs: {},
  outputs: { Output: integer() },
});
const makeString = pythonComponent({
  ...python,
  function: "make_string",
  inputs: {},
  outputs: { Output: string() },
});
const makeMode = pythonComponent({
  ...python,
  function: "make_mode",
  inputs: {},
  outputs: { Output: string({ literals: ["fast", "slow"] }) },
});
const makeInts = pythonComponent({
  ...python,
  function: "make_ints",
  inputs: {},
  outputs: { Output: list(integer()), anything: list() },
});
const load = pythonComponent({
  ...python,
  function: "load",
  inputs: { path: string(), rows: integer({ default: 10 }) },
  outputs: { table: dataset(), count: integer() },
});
const train = pythonComponent({
  ...python,
  function: "train",
  inputs: {
    table: dataset(),
    seed: integer({ optional: true }),
    rate: double({ default: 0.1 }),
    mode: string({ literals: ["fast", "slow"], default: "fast" }),
    names: list(string(), { default: [] }),
    extra: struct(double(), { default: {} }),
  },
  outputs: { model: model(), auc: double() },
});
const use = pythonComponent({ ...python, function: "use", inputs: { model: model() }, outputs: {} });
const anyArtifact = pythonComponent({
  ...python,
  function: "any_artifact",
  inputs: { it: artifact() },
  outputs: {},
});
const merge = pythonComponent({
  ...python,
  function: "merge",
  inputs: { tables: artifactList(dataset()) },
  outputs: { Output: boolean() },
});

const inner = pipeline(
  { name: "inner", parameters: { n: integer(), label: string({ default: "x" }) } },
  ({ n }) => ({
    count: load({ path: "p", rows: n }).outputs.count,
  }),
);

export const accepted = pipeline(
  { name: "accepted", parameters: { seed: integer({ default: 0 }), name: string(), tags: list(string()) } },
  ({ seed, name, tags }) => {
    const data = load({ path: name });
    const fitted = train({ table: data.outputs.table, seed, rate: seed, mode: "slow", names: tags });
    train({ table: data.outputs.table, mode: makeMode().output, extra: { a: 1 }, names: ["a"] });
    use({ model: fitted.outputs.model });
    anyArtifact({ it: fitted.outputs.model });
    const counted = inner({ n: data.outputs.count });
    expectTypeOf(counted.outputs.count).toEqualTypeOf<ParameterRef<IntegerType>>();
    expectTypeOf(makeInt().output).toEqualTypeOf<ParameterRef<IntegerType>>();
    const loop = parallelFor(["a", "b"], (path) => {
      expectTypeOf(path).toEqualTypeOf<ParameterRef<StringType<"a"> | StringType<"b">>>();
      const part = load({ path });
      return { tables: part.outputs.table, counts: part.outputs.count };
    });
    expectTypeOf(loop.outputs.tables).toEqualTypeOf<ArtifactListRef<"system.Dataset">>();
    expectTypeOf(loop.outputs.counts).toEqualTypeOf<ParameterRef<ListType<IntegerType>>>();
    const nested = parallelFor([1], () => ({
      all: parallelFor(["a"], (path) => ({ one: load({ path }).outputs.count })).outputs.one,
    }));
    expectTypeOf(nested.outputs.all).toEqualTypeOf<ParameterRef<ListType<ListType<IntegerType>>>>();
    merge({ tables: loop.outputs.tables });
    parallelFor(tags, (tag) => void load({ path: tag }), { parallelism: 2 });
    parallelFor(
      [{ path: "a", rows: 1 }],
      (item) => void load({ path: item.field("path"), rows: item.field("rows") }),
    );
    parallelFor(makeInts().outputs.Output, (n) => void train({ table: data.outputs.table, seed: n }));
    parallelFor(loop.outputs.tables, (table) => void train({ table }));
    const branch = when(seed.equals(1), () => ({
      it: load({ path: "a" }).outputs.table,
      n: makeInt().output,
    }))
      .elseWhen(name.in(["x", "y"]), () => ({ it: load({ path: "b" }).outputs.table, n: makeInt().output }))
      .otherwise(() => ({ it: load({ path: "c" }).outputs.table, n: makeInt().output }));
    expectTypeOf(branch.outputs.it).toEqualTypeOf<ArtifactRef<"system.Dataset">>();
    train({ table: branch.outputs.it, seed: branch.outputs.n });
    fitted
      .setCpu({ limit: 2, request: "500m" })
      .setMemory({ limit: "4Gi" })
      .setRetry({ retries: 2 })
      .setCaching(false);
    return { auc: fitted.outputs.auc, best: fitted.outputs.model };
  },
);

export const refused = pipeline(
  { name: "refused", parameters: { seed: integer(), name: string(), flag: boolean({ default: false }) } },
  ({ seed, name, flag }) => {
    const data = load({ path: name });
    const fitted = train({ table: data.outputs.table });
    // @ts-expect-error: an integer output into a string input
    load({ path: makeInt().output });
    // @ts-expect-error: a string output into an integer input
    load({ path: name, rows: makeString().output });
    // @ts-expect-error: a dataset into a model
    use({ model: data.outputs.table });
    // @ts-expect-error: a model into a dataset
    train({ table: fitted.outputs.model });
    // @ts-expect-error: a list of integers into a list of strings
    train({ table: data.outputs.table, names: makeInts().outputs.Output });
    // @ts-expect-error: constants of the wrong element type
    train({ table: data.outputs.table, names: [1, 2] });
    // @ts-expect-error: a misspelt input
    load({ path: name, row: 1 });
    // @ts-expect-error: a missing required input
    load({ rows: 1 });
    // @ts-expect-error: no inputs at all where one is required
    load();
    // @ts-expect-error: a string that is not among the literals
    train({ table: data.outputs.table, mode: "medium" });
    // @ts-expect-error: any string into literals
    train({ table: data.outputs.table, mode: name });
    // @ts-expect-error: a fraction of the wrong kind
    train({ table: data.outputs.table, rate: "0.1" });
    // @ts-expect-error: a parameter into an artifact
    use({ model: seed });
    // @ts-expect-error: an artifact into a parameter
    load({ path: data.outputs.table });
    // @ts-expect-error: one artifact into a list of them
    merge({ tables: data.outputs.table });
    // @ts-expect-error: a misspelt output
    void data.outputs.tabel;
    // @ts-expect-error: a missing input of a nested pipeline
    inner({ label: "x" });
    // @ts-expect-error: a wrong type into a nested pipeline
    inner({ n: name });
    // @ts-expect-error: an integer compared with a string
    when(seed.equals("1"), () => {});
    // @ts-expect-error: a boolean compared with a number
    when(flag.equals(1), () => {});
    // @ts-expect-error: only booleans are conditions by themselves
    when(seed, () => {});
    // @ts-expect-error: a value that is not among the literals
    when(makeMode().output.equals("medium"), () => {});
    // @ts-expect-error: a loop over something that is no list
    parallelFor(seed, () => {});
    // @ts-expect-error: items of the wrong type
    parallelFor([1, 2], (n) => void load({ path: n }));
    // @ts-expect-error: fractions into integers
    parallelFor([0.5], (n) => void load({ path: name, rows: n }));
    // @ts-expect-error: a field that the items don't have
    parallelFor([{ a: 1 }], (item) => void load({ path: name, rows: item.field("b") }));
    // @ts-expect-error: not a quantity
    fitted.setMemory({ limit: "4 GB" });
    return {};
  },
);

export const container = containerComponent({
  name: "copy",
  image: "alpine:3.20",
  inputs: { from: dataset(), mode: string() },
  outputs: { to: dataset(), size: integer() },
  command: ["sh", "-c"],
  args: ({ inputs, outputs }) =>
    [
      inputs.from.path,
      inputs.mode,
      outputs.to.uri,
      outputs.size.path,
      // @ts-expect-error: an input that does not exist
      inputs.form,
      // @ts-expect-error: a parameter has no path
      inputs.mode.path,
    ].filter((word) => word !== undefined),
});

it("finds nothing wrong with what the editor accepts", () => {
  expect(accepted.build().findings.map((finding) => finding.message)).toEqual([]);
});

it("reports at run time what the editor refuses", () => {
  const findings = refused.build().findings;
  expect(findings.map((finding) => `${finding.code} ${finding.message}`)).toMatchSnapshot();
  for (const finding of findings) expect(finding.where?.file).toMatch(/types\.test\.ts$/);
});
