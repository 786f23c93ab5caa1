/** Pipelines that the Python SDK can't write, or compiles wrongly. */
import {
  and,
  boolean,
  containerComponent,
  exitHandler,
  integer,
  list,
  not,
  or,
  parallelFor,
  pipeline,
  string,
  struct,
  text,
  when,
} from "@sealflow/pipeline";

/** Says its argument, with any text in it. */
const say = containerComponent({
  name: "say",
  image: "alpine:3.20",
  inputs: { text: string() },
  outputs: { said: string() },
  command: ["sh", "-c", 'printf "%s" "$0" > "$1"'],
  args: ({ inputs, outputs }) => [inputs.text, outputs.said.path],
});

const test = containerComponent({
  name: "test",
  image: "alpine:3.20",
  inputs: { text: string(), wanted: string() },
  outputs: { same: boolean() },
  command: ["sh", "-c", 'if [ "$0" = "$1" ]; then echo true; else echo false; fi > "$2"'],
  args: ({ inputs, outputs }) => [inputs.text, inputs.wanted, outputs.same.path],
});

const stop = containerComponent({
  name: "stop",
  image: "alpine:3.20",
  inputs: {},
  command: ["sh", "-c", "exit 4"],
});

const split = containerComponent({
  name: "split",
  image: "alpine:3.20",
  inputs: { n: integer() },
  outputs: { parts: list(integer()), shape: struct({ size: integer(), name: string() }) },
  command: ["sh", "-c", 'echo "[$0, $0]" > "$1"; printf \'{"size": %s, "name": "n"}\' "$0" > "$2"'],
  args: ({ inputs, outputs }) => [inputs.n, outputs.parts.path, outputs.shape.path],
});

export const composed = pipeline(
  { name: "composed", parameters: { n: integer(), s: string(), b: boolean() } },
  ({ n, s, b }) => {
    when(and(n.atLeast(2), s.equals("it's"), b), () => void say({ text: "all" }));
    when(or(n.equals(0), and(not(b), s.in(["a", 'q"']))), () => void say({ text: "some" }));
    when(not(or(n.greaterThan(0), b)), () => void say({ text: "none" }));
    when(n.asText().equals(s), () => void say({ text: "as text" }));
  },
);

export const boolean_outputs = pipeline(
  { name: "boolean-outputs", parameters: { s: string({ default: "x" }) } },
  ({ s }) => {
    const same = test({ text: s, wanted: "x" });
    const chosen = when(same.outputs.same, () => ({ it: say({ text: "same" }).output })).otherwise(() => ({
      it: say({ text: "other" }).output,
    }));
    return { chosen: chosen.outputs.it };
  },
);

export const texts_of_items = pipeline({ name: "texts-of-items" }, () => {
  const loop = parallelFor(["a", "b"], (outer) => {
    const inner = parallelFor(
      [
        { k: 1, l: "x" },
        { k: 2, l: "y" },
      ],
      (item) => ({
        said: say({ text: text`${outer}${item.field("k")}${item.field("l")}` }).output,
      }),
    );
    return { said: inner.outputs.said };
  });
  return { said: loop.outputs.said };
});

export const choice_in_a_condition = pipeline(
  { name: "choice-in-a-condition", parameters: { n: integer() } },
  ({ n }) => {
    const first = when(n.lessThan(0), () => ({ it: say({ text: "minus" }).output })).otherwise(() => ({
      it: say({ text: "plus" }).output,
    }));
    when(first.outputs.it.equals("minus"), () => void say({ text: "below" }));
  },
);

export const literals = pipeline(
  { name: "literals", parameters: { mode: string({ literals: ["fast", "slow"], default: "fast" }) } },
  ({ mode }) => ({ said: say({ text: mode }).output }),
);

export const fields = pipeline({ name: "fields", parameters: { n: integer({ default: 3 }) } }, ({ n }) => {
  const made = split({ n });
  const size = made.outputs.shape.field("size");
  when(size.greaterThan(2), () => void say({ text: text`${made.outputs.shape.field("name")} is large` }));
  const loop = parallelFor(made.outputs.parts, (part) => ({
    said: say({ text: text`part ${part}` }).output,
  }));
  return { said: loop.outputs.said };
});

export const guarded = pipeline(
  { name: "guarded", parameters: { fails: boolean({ default: false }) } },
  ({ fails }) => {
    exitHandler(say({ text: "bye" }), () => {
      const work = say({ text: "work" });
      when(fails, () => void stop()).after(work);
      say({ text: "beside" });
    });
  },
);
