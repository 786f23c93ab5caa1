import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createEngine, openStore } from "../packages/engine/dist/index.js";
import { parsePipelineDocument } from "../packages/pipeline/dist/index.js";
import { serve } from "./lib/server.mjs";

export const name = "server";
export const describe =
  "Many users of one server: lists and pages over 1,000 stored runs of 50 tasks, and 200 watchers of a live run.";

const TASKS = 50;
const WATCHERS = 200;
const pages = [
  ["runs, newest first, 50 a page", "runs?page_size=50&sort_by=created_at desc"],
  ["runs, by name, 100 a page", "runs?page_size=100&sort_by=name"],
  ["runs that failed", `runs?page_size=50&filter=${filter("state", "EQUALS", "FAILED")}`],
  [
    "runs with a text in their name",
    `runs?page_size=50&filter=${filter("display_name", "IS_SUBSTRING", "77")}`,
  ],
  ["experiments", "experiments?page_size=50"],
  ["pipelines", "pipelines?page_size=50"],
];

function filter(key, operation, value) {
  const predicates = [{ key, operation, string_value: value }];
  return encodeURIComponent(JSON.stringify({ predicates }));
}

export async function run({ quick, scratch, progress, signal }) {
  const stored = quick ? 200 : 1000;
  const directory = join(scratch, "store");
  progress(`running ${stored} pipelines of ${TASKS} tasks, all but the first from the cache`);
  await fill(directory, stored, signal);
  const started = performance.now();
  const server = await serve(directory);
  try {
    const ids = await allRuns(server.url, stored);
    const ready = (performance.now() - started) / 1000;
    const idle = residentBytes(server.pid);
    progress("asking for pages");
    const times = await askForPages(server.url, ids, quick ? 50 : 300);
    const asked = residentBytes(server.pid);
    progress(`watching a run ${WATCHERS} times`);
    const watched = await watch(server.url);
    const peak = peakBytes(server.pid);
    return results({ stored, ready, times, watched, memory: { idle, asked, peak } });
  } finally {
    await server.stop();
  }
}

/** Real runs, made by the engine. */
async function fill(directory, count, signal) {
  const store = openStore(directory);
  const engine = createEngine({ store, containers: "host" });
  const document = parsePipelineDocument(JSON.stringify(tasks("stored", 0)));
  for (let index = 0; index < count && !signal.aborted; index++) {
    const { state } = await engine.run(document, { name: `stored ${index}` });
    if (state !== "SUCCEEDED") throw new Error(`run ${index}: ${state}`);
  }
  await engine.close();
}

/** A pipeline of fifty shell commands that each write one parameter. */
function tasks(pipeline, seconds) {
  const names = Array.from({ length: TASKS }, (_, index) => `step-${index + 1}`);
  const task = (name) => ({
    taskInfo: { name },
    componentRef: { name: "comp-step" },
    inputs: { parameters: { label: { runtimeValue: { constant: name } } } },
    cachingOptions: { enableCache: true },
  });
  const script = `sleep ${seconds}; mkdir -p "$(dirname "$0")"; printf %s "$1" > "$0"`;
  const outputPath = "{{$.outputs.parameters['done'].output_file}}";
  const command = ["sh", "-c", script, outputPath, "{{$.inputs.parameters['label']}}"];
  return {
    pipelineInfo: { name: pipeline },
    schemaVersion: "2.1.0",
    root: { dag: { tasks: Object.fromEntries(names.map((name) => [name, task(name)])) } },
    components: {
      "comp-step": {
        executorLabel: "exec-step",
        inputDefinitions: { parameters: { label: { parameterType: "STRING" } } },
        outputDefinitions: { parameters: { done: { parameterType: "STRING" } } },
      },
    },
    deploymentSpec: { executors: { "exec-step": { container: { image: "none", command } } } },
  };
}

async function ask(url) {
  const answer = await fetch(url);
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${JSON.stringify(body).slice(0, 200)}`);
  return body;
}

/** The ids of all stored runs, once the server knows them all. */
async function allRuns(url, expected) {
  for (;;) {
    const ids = [];
    let token = "";
    do {
      const page = await ask(
        `${url}/apis/v2beta1/runs?page_size=200&page_token=${encodeURIComponent(token)}`,
      );
      ids.push(...(page.runs ?? []).map((run) => run.run_id));
      token = page.next_page_token ?? "";
    } while (token !== "");
    if (ids.length >= expected) return ids;
    await sleep(100);
  }
}

/** Milliseconds of each request, four at a time, by what is asked for. */
async function askForPages(url, ids, count) {
  const api = `${url}/apis/v2beta1`;
  const wanted = [
    ...pages.map(([label, path]) => [label, () => `${api}/${path}`]),
    ["one run with its tasks and spec", (index) => `${api}/runs/${ids[(index * 7919) % ids.length]}`],
  ];
  const times = {};
  for (const [label, address] of wanted) {
    times[label] = [];
    let next = 0;
    const reader = async () => {
      while (next < count) {
        const index = next++;
        const start = performance.now();
        await ask(address(index));
        times[label].push(performance.now() - start);
        // The server bounds what one caller may ask for in a second.
        await sleep(15);
      }
    };
    await Promise.all(Array.from({ length: 4 }, reader));
  }
  return times;
}

/** Watchers of one run of fifty tasks: how many messages each got, and how far behind the first one each was. */
async function watch(url) {
  const body = JSON.stringify({ display_name: "live", pipeline_spec: tasks(`live-${process.pid}`, 0.1) });
  const answer = await fetch(`${url}/apis/v2beta1/runs`, { method: "POST", body });
  const { run_id: id } = await answer.json();
  const start = performance.now();
  const watchers = await Promise.all(
    Array.from({ length: WATCHERS }, () => messages(`${url}/api/runs/${id}/events`)),
  );
  const seconds = (performance.now() - start) / 1000;
  const first = new Map();
  for (const watcher of watchers)
    for (const [message, time] of watcher) first.set(message, Math.min(first.get(message) ?? Infinity, time));
  const behind = watchers.flatMap((watcher) =>
    [...watcher].map(([message, time]) => time - first.get(message)),
  );
  const complete = watchers.filter((watcher) => watcher.size === first.size).length;
  return { seconds, messages: first.size, complete, behind };
}

/** When each message of a stream came, by its id, until the run's end. */
async function messages(address) {
  const found = new Map();
  const answer = await fetch(address);
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of answer.body) {
    const now = performance.now();
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const id = /^id: ?(.*)$/m.exec(block)?.[1];
      if (id !== undefined) found.set(id, now);
    }
  }
  return found;
}

function residentBytes(pid) {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024;
}

function peakBytes(pid) {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024;
}

function quantile(numbers, part) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

function results({ stored, ready, times, watched, memory }) {
  const rows = Object.entries(times).map(([label, list]) => [
    label,
    ...[0.5, 0.99, 1].map((part) => quantile(list, part)),
  ]);
  const lists = pages.flatMap(([label]) => times[label]);
  const mib = (bytes) => bytes / 2 ** 20;
  return {
    samples: { times },
    tables: [
      {
        title: `Answers with ${stored} stored runs of ${TASKS} tasks, four readers at once, milliseconds`,
        columns: ["asked for", "median", "99th percentile", "slowest"],
        rows,
      },
      {
        title: `${WATCHERS} watchers of a run of ${TASKS} tasks that takes ${watched.seconds.toFixed(1)} s`,
        columns: [
          "messages",
          "watchers that got all",
          "behind the first watcher, median ms",
          "99th percentile",
          "most",
        ],
        rows: [
          [
            watched.messages,
            watched.complete,
            ...[0.5, 0.99, 1].map((part) => quantile(watched.behind, part)),
          ],
        ],
      },
      {
        title: "Memory of the server, MiB",
        columns: ["after the start", "after the pages", "peak, with the watchers"],
        rows: [[mib(memory.idle), mib(memory.asked), mib(memory.peak)]],
      },
    ],
    goals: [
      {
        goal: `lists and pages ≤ 50 ms at the 99th percentile, ${stored} runs stored`,
        value: quantile(lists, 0.99),
        limit: 50,
        unit: "ms",
      },
      {
        goal: `watchers of ${WATCHERS} that missed a message`,
        value: WATCHERS - watched.complete,
        limit: 0,
        unit: "watchers",
      },
    ],
    notes: [`From the start of the process until all stored runs were listed: ${ready.toFixed(1)} s.`],
  };
}
