/** Random pipelines, run by the interpreter and by a small recursive model of what they mean. */
import type { ComponentSpec, DagSpec, PipelineSpec, TaskSpec } from "@sealflow/pipeline";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { leaf, parameters, spec, task } from "./build.js";
import { type FakeRun, fakeRun, type Order } from "./fake-run.js";

/** A generated task: what it waits for (earlier tasks), whether it runs, fails, nests or loops. */
interface Node {
  readonly after: readonly number[];
  /** Earlier task whose output it adds to its own. */
  readonly source: number | undefined;
  readonly condition: "none" | "true" | "false";
  readonly onCompletion: boolean;
  readonly fails: boolean;
  readonly body: readonly Node[] | undefined;
  readonly loop: { readonly count: number; readonly limit: number } | undefined;
}

const { node } = fc.letrec<{ node: Node; dag: Node[] }>((tie) => ({
  node: fc.record({
    after: fc.array(fc.nat(5), { maxLength: 2 }),
    source: fc.option(fc.nat(5), { nil: undefined }),
    condition: fc.constantFrom("none", "none", "none", "true", "false"),
    onCompletion: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
    fails: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
    body: fc.option(tie("dag"), { nil: undefined, depthSize: "small" }),
    loop: fc.option(fc.record({ count: fc.nat(4), limit: fc.nat(3) }), { nil: undefined }),
  }),
  dag: fc.array(tie("node"), { minLength: 1, maxLength: 5, depthIdentifier: "dag" }),
}));
const dags = fc.array(node, { minLength: 1, maxLength: 7 });

/** Waits for nodes of the same DAG that come before `index` only, so that there is no cycle. */
const earlier = (index: number, wanted: readonly number[]): number[] =>
  index === 0 ? [] : [...new Set(wanted.map((n) => n % index))];
const sourceOf = (nodes: readonly Node[], index: number): number | undefined => {
  const own = nodes[index];
  if (own?.source === undefined || index === 0) return undefined;
  const source = own.source % index;
  // A loop's output is a list, which nothing here adds up.
  return nodes[source]?.loop === undefined ? source : undefined;
};

/** The spec of generated nodes. Every component takes `in` (0 unless bound) and gives `out`. */
function toSpec(nodes: readonly Node[]): PipelineSpec {
  const components: Record<string, ComponentSpec> = {};
  const withDefault = { in: { parameterType: "NUMBER_INTEGER" as const, defaultValue: 0 } };
  const build = (list: readonly Node[], prefix: string): DagSpec => {
    const tasks = list.map((own, index): [string, TaskSpec] => {
      const name = `${prefix}${index}`;
      const flag = { flag: own.condition === "none" ? {} : { flag: own.condition } }.flag;
      components[name] = componentOf(own, name);
      return [`t${index}`, taskOf(list, index, { component: name, flag })];
    });
    return { tasks: Object.fromEntries(tasks) };
  };
  const componentOf = (own: Node, name: string): ComponentSpec => {
    const inputDefinitions = {
      parameters: { ...withDefault, ...parameters({ flag: "STRING?", item: "NUMBER_INTEGER?" }) },
    };
    if (own.body === undefined) return { ...leaf({}, { out: "NUMBER_INTEGER" }), inputDefinitions };
    const dag = build(own.body, `${name}-`);
    const last = `t${own.body.length - 1}`;
    const listed = givesList(own.body.at(-1));
    return {
      inputDefinitions,
      outputDefinitions: { parameters: parameters({ out: listed ? "LIST" : "NUMBER_INTEGER" }) as never },
      dag: {
        ...dag,
        outputs: {
          parameters: { out: { valueFromParameter: { producerSubtask: last, outputParameterKey: "out" } } },
        },
      },
    };
  };
  const root = build(nodes, "c");
  return spec(root, components);
}

function taskOf(
  list: readonly Node[],
  index: number,
  at: { component: string; flag: { flag?: string } },
): TaskSpec {
  const own = list[index];
  if (own === undefined) throw new Error("no such node");
  const source = sourceOf(list, index);
  const given = {
    ...(at.flag.flag === undefined ? {} : { flag: { runtimeValue: { constant: at.flag.flag } } }),
    ...(source === undefined || givesList(list[source])
      ? {}
      : { in: { taskOutputParameter: { producerTask: `t${source}`, outputParameterKey: "out" } } }),
  };
  const triggerPolicy = {
    ...(own.condition === "none" ? {} : { condition: "inputs.parameter_values['flag'] == 'true'" }),
    ...(own.onCompletion && index > 0 ? { strategy: "ALL_UPSTREAM_TASKS_COMPLETED" as const } : {}),
  };
  const raw = JSON.stringify(Array.from({ length: own.loop?.count ?? 0 }, (_, i) => i));
  return task(at.component, {
    inputs: { parameters: given },
    dependentTasks: earlier(index, own.after).map((n) => `t${n}`),
    triggerPolicy,
    ...(own.loop === undefined
      ? {}
      : {
          parameterIterator: { items: { raw }, itemInput: "item" },
          iteratorPolicy: { parallelismLimit: own.loop.limit },
        }),
  });
}

/** True when a node's output is a list: a loop's, or that of a DAG that hands a loop's up. */
const givesList = (own: Node | undefined): boolean =>
  own !== undefined && (own.loop !== undefined || (own.body !== undefined && givesList(own.body.at(-1))));

type State = "SUCCEEDED" | "FAILED" | "SKIPPED";
type Out = number | readonly Out[] | undefined;
interface Verdict {
  readonly state: State;
  readonly out: Out;
}

/** The model: walks the nodes in order, recursively, and says how each ends. */
function model(nodes: readonly Node[], path: string, states: Record<string, State>): Verdict {
  const verdicts: Verdict[] = [];
  for (const [index, own] of nodes.entries()) {
    const source = sourceOf(nodes, index);
    const bound = source !== undefined && !givesList(nodes[source]) ? source : undefined;
    const waits = [...new Set([...earlier(index, own.after), ...(bound === undefined ? [] : [bound])])];
    const taskPath = path === "" ? `t${index}` : `${path}/t${index}`;
    const blocked = !own.onCompletion && waits.some((n) => verdicts[n]?.state !== "SUCCEEDED");
    const from = bound === undefined ? undefined : verdicts[bound];
    // A task that runs however others ended goes without an output that its producer does not give.
    const missing = own.onCompletion && index > 0 ? 0 : undefined;
    const value = from?.state === "SUCCEEDED" ? (from.out ?? missing) : 0;
    if (blocked || (value !== undefined && own.condition === "false")) {
      skipAll(own, taskPath, states);
      verdicts.push({ state: "SKIPPED", out: undefined });
    } else if (value === undefined) {
      // The producer succeeded without that output: its own producer was skipped.
      skipAll(own, taskPath, states);
      if (own.body === undefined) states[taskPath] = "FAILED";
      verdicts.push({ state: "FAILED", out: undefined });
    } else verdicts.push(runNode(own, taskPath, { states, value: Number(value) }));
  }
  const failed = verdicts.some(({ state }) => state === "FAILED");
  const last = verdicts.at(-1);
  return { state: failed ? "FAILED" : "SUCCEEDED", out: last?.state === "SUCCEEDED" ? last.out : undefined };
}

function runNode(own: Node, path: string, at: { states: Record<string, State>; value: number }): Verdict {
  if (own.loop === undefined) return runBody(own, path, at);
  const parts = Array.from({ length: own.loop.count }, (_, i) => runBody(own, `${path}[${i}]`, at));
  const outs = parts.map(({ out }) => out);
  return {
    state: parts.some(({ state }) => state === "FAILED") ? "FAILED" : "SUCCEEDED",
    out: outs.filter((out) => out !== undefined),
  };
}

function runBody(
  own: Node,
  path: string,
  { states, value }: { states: Record<string, State>; value: number },
): Verdict {
  if (own.body !== undefined) return model(own.body, path, states);
  const state = own.fails ? "FAILED" : "SUCCEEDED";
  states[path] = state;
  return { state, out: own.fails ? undefined : value + 1 };
}

function skipAll(own: Node, path: string, states: Record<string, State>): void {
  if (own.body === undefined) states[path] = "SKIPPED";
  else for (const [index, inner] of own.body.entries()) skipAll(inner, `${path}/t${index}`, states);
}

/** The generated node that a path leads to. */
function nodeAt(nodes: readonly Node[], path: string): Node {
  let list: readonly Node[] | undefined = nodes;
  let found: Node | undefined;
  for (const step of path.split("/")) {
    found = list?.[Number(step.replace(/^t|\[\d+\]$/g, ""))];
    list = found?.body;
  }
  if (found === undefined) throw new Error(`no node at ${path}`);
  return found;
}

function runGenerated(nodes: readonly Node[], order: Order): FakeRun {
  return fakeRun(
    toSpec(nodes),
    (due) => {
      if (nodeAt(nodes, due.path).fails) throw new Error("generated");
      return { out: Number(due.inputs.parameters.in ?? 0) + 1 };
    },
    { order },
  );
}

/** Most iterations of each loop that ran at once, from the decisions. */
function checkLimits(nodes: readonly Node[], run: FakeRun): void {
  const active = new Map<string, Set<string>>();
  const loopsOf = (path: string): [string, string][] =>
    [...path.matchAll(/\[\d+\]/g)].map((match) => [
      path.slice(0, match.index),
      path.slice(0, match.index + match[0].length),
    ]);
  const ended = new Set<string>();
  for (const decision of run.decisions) {
    if (decision.kind === "finish-dag") {
      ended.add(decision.path);
      for (const [loop, iteration] of loopsOf(decision.path)) {
        if (iteration === decision.path) active.get(loop)?.delete(iteration);
      }
    }
    if (decision.kind !== "start-dag" || decision.iterations !== undefined) continue;
    for (const [loop, iteration] of loopsOf(decision.path)) {
      if (iteration !== decision.path) continue;
      const set = active.get(loop) ?? new Set<string>();
      active.set(loop, set.add(iteration));
      const limit = nodeAt(nodes, loop).loop?.limit ?? 0;
      expect(limit === 0 || set.size <= limit, `${loop} over its limit`).toBe(true);
    }
  }
}

describe("random pipelines", { timeout: 900_000 }, () => {
  const numRuns = process.env.SEALFLOW_SLOW ? 5_000 : 150;

  it("end as the model says, in whatever order results come in", () => {
    fc.assert(
      fc.property(dags, fc.array(fc.nat(1000), { minLength: 1, maxLength: 20 }), (nodes, picks) => {
        let step = 0;
        const order: Order = (due) => (picks[step++ % picks.length] ?? 0) % due.length;
        const run = runGenerated(nodes, order);
        const states: Record<string, State> = {};
        const verdict = model(nodes, "", states);
        expect(run.states).toEqual(states);
        expect(run.outcome.state).toBe(verdict.state);
        checkLimits(nodes, run);
      }),
      { numRuns },
    );
  });

  it("give the model's outputs", () => {
    fc.assert(
      fc.property(dags, (nodes) => {
        const wrapped: Node[] = [
          {
            after: [],
            source: undefined,
            condition: "none",
            onCompletion: false,
            fails: false,
            body: nodes,
            loop: undefined,
          },
        ];
        const run = runGenerated(wrapped, () => 0);
        const verdict = model(wrapped, "", {});
        const end = run.decisions.find(
          (decision) => decision.kind === "finish-dag" && decision.path === "t0",
        );
        const outputs = end?.kind === "finish-dag" ? end.outputs.parameters : {};
        expect(outputs.out).toEqual(verdict.state === "SUCCEEDED" ? verdict.out : undefined);
      }),
      { numRuns },
    );
  });

  it("canceled at any point end canceled, with nothing started afterwards", () => {
    fc.assert(
      fc.property(dags, fc.nat(10), (nodes, cancelAfter) => {
        const run = fakeRun(toSpec(nodes), () => ({ out: 1 }), { cancelAfter });
        const steps = run.results.length;
        expect(run.outcome.state === "CANCELED" || steps <= cancelAfter).toBe(true);
      }),
      { numRuns },
    );
  });
});
