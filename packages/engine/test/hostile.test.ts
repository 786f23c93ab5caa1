/** Documents changed anywhere, through the parser and the whole engine: each run ends, or is refused, and soon. */
import { isSealflowError } from "@sealflow/core";
import { type PipelineDocument, parsePipelineDocument } from "@sealflow/pipeline";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { documentOf, task } from "./pipelines.js";
import { engineOf } from "./running.js";

/** A Python chain with an artifact, a loop, a condition, an importer, a container and Kubernetes settings. */
function whole(): PipelineDocument {
  const { spec } = documentOf({
    components: {
      make: {
        source:
          "from kfp.dsl import Dataset, Output\ndef make(n: int, data: Output[Dataset]) -> int:\n    open(data.path, 'w').write('x')\n    return n\n",
        inputs: { n: "NUMBER_INTEGER" },
        outputs: { Output: "NUMBER_INTEGER" },
        outputArtifacts: ["data"],
        env: { A: "b" },
        memory: "512Mi",
      },
      read: {
        source:
          "from kfp.dsl import Dataset, Input\ndef read(data: Input[Dataset]) -> str:\n    return open(data.path).read()\n",
        inputArtifacts: ["data"],
        outputs: { Output: "STRING" },
      },
      say: {
        source: "",
        inputs: { text: "STRING" },
        executor: {
          container: {
            image: "alpine",
            command: ["echo"],
            args: ["{{$.inputs.parameters['text']}}", "{{$}}"],
          },
        },
      },
      import: {
        source: "",
        outputArtifacts: ["artifact"],
        executor: {
          importer: { artifactUri: { constant: "nowhere" }, typeSchema: { schemaTitle: "system.Artifact" } },
        },
      },
    },
    dags: {
      "comp-loop": {
        inputDefinitions: { parameters: { item: { parameterType: "STRING" } } },
        dag: { tasks: { say: task("say", { parameters: { text: { input: "item" } } }) } },
      },
    },
    tasks: {
      make: task(
        "make",
        { parameters: { n: { constant: 2 } } },
        { retryPolicy: { maxRetryCount: 1, backoffDuration: "0s" } },
      ),
      read: task("read", { artifacts: { data: "make.data" } }),
      import: task("import"),
      loop: task(
        "loop",
        { after: ["read"] },
        {
          parameterIterator: { items: { raw: '["a","b"]' }, itemInput: "item" },
          iteratorPolicy: { parallelismLimit: 1 },
          triggerPolicy: { condition: "'a' == 'a'" },
        },
      ),
    },
    outputs: { text: ["read.Output", "STRING"] },
  });
  const executors = {
    "exec-make": {
      secretAsEnv: [{ secretName: "s", keyToEnv: [{ secretKey: "k", envVar: "K" }], optional: true }],
      emptyDirMounts: [{ volumeName: "v", mountPath: "/sealflow-scratch" }],
      activeDeadlineSeconds: 20,
      podMetadata: { labels: { a: "b" } },
    },
  };
  const pipelineConfig = { activeDeadlineSeconds: 30 };
  return { spec, platform: { platforms: { kubernetes: { deploymentSpec: { executors }, pipelineConfig } } } };
}

type Path = readonly (string | number)[];

function placesIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return path.length === 0 ? [] : [path];
  const inner = Object.entries(value).flatMap(([key, member]) =>
    placesIn(member, [...path, Array.isArray(value) ? Number(key) : key]),
  );
  return path.length === 0 ? inner : [path, ...inner];
}

function changed(path: Path, value: unknown): string {
  const document = JSON.parse(JSON.stringify(whole())) as Record<string | number, unknown>;
  let place = document;
  for (const step of path.slice(0, -1)) place = place[step] as Record<string | number, unknown>;
  const last = path.at(-1) ?? "";
  if (value === undefined) delete place[last];
  else place[last] = value;
  return `${JSON.stringify(document.spec)}\n---\n${JSON.stringify(document.platform)}`;
}

// Nothing that would take long, or do harm, as a command, a path or a limit.
const words = fc.constantFrom(
  "make",
  "read",
  "exec-say",
  "comp-read",
  "[1,2]",
  "true",
  "1",
  "0s",
  "1Gi",
  "{{$}}",
  "__proto__",
  "",
);
const value = fc.oneof(
  words,
  fc.constantFrom(-1, 0, 1, 3, 1.5),
  fc.constant(undefined),
  fc.constant(null),
  fc.boolean(),
  fc.array(words, { maxLength: 3 }),
  fc.dictionary(words, words, { maxKeys: 3 }),
);

describe("documents changed anywhere", () => {
  const numRuns = process.env.SEALFLOW_SLOW ? 2_000 : 40;
  const places = placesIn(whole());

  it("run to an end or are refused", { timeout: 3_600_000 }, async () => {
    const { engine, directory } = engineOf({ containers: "refuse", graceMs: 100 });
    const ends = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...places), value, async (path, put) => {
        const began = Date.now();
        try {
          const document = parsePipelineDocument(changed(path, put));
          const { state, tasks } = await engine.run(document, { caching: false, baseDirectory: directory });
          ends.add(state);
          expect(new Set(tasks.map((each) => each.path)).size).toBe(tasks.length);
        } catch (error) {
          if (!isSealflowError(error)) throw error;
          ends.add("refused");
        }
        expect(Date.now() - began).toBeLessThan(45_000);
      }),
      { numRuns },
    );
    expect([...ends].every((end) => ["SUCCEEDED", "FAILED", "refused"].includes(end))).toBe(true);
    expect(ends.size).toBeGreaterThan(1);
  });
});
