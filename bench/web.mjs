/** The UI in a real browser: frames of the graph of 500 tasks while it is moved and while it changes, and a large log. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium } from "playwright-core";
import { serve } from "./lib/server.mjs";

export const name = "web";
export const describe =
  "The UI in Chromium: frames of a graph of 500 tasks that is dragged, zoomed, opened and closed and that changes live, and a log of 100 MB.";

const GROUPS = 20;
const TASKS_EACH = 25;
const SMOOTH_MS = 34;
const LINE =
  "all work and no play makes a log of exactly one hundred characters in each of its very many lines";

export async function run({ quick, scratch, progress }) {
  const server = await serve(join(scratch, "store"));
  const browser = await chromium.launch({
    executablePath: ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync),
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
  });
  try {
    const seconds = quick ? 2 : 5;
    const parts = { server, browser, seconds, progress };
    const graph = await measureGraph(parts);
    const live = await measureLive(parts);
    const log = await measureLog(parts, quick ? 200_000 : 1_000_000);
    return results({ frames: { ...graph.frames, ...live }, layout: graph.layout, log });
  } finally {
    await browser.close();
    await server.stop();
  }
}

/** Twenty pipelines of 25 tasks, each waiting for two of the layer before: 500 boxes when all are open. */
function manyTasks(pipeline, script) {
  const dag = (count, component) => ({
    tasks: Object.fromEntries(
      Array.from({ length: count }, (_, index) => [
        `${component}-${index}`,
        {
          taskInfo: { name: `${component}-${index}` },
          componentRef: { name: `comp-${component}` },
          cachingOptions: {},
          ...(index === 0
            ? {}
            : {
                dependentTasks: [...new Set([(index - 1) >> 1, (index - 1) >> 2])].map(
                  (at) => `${component}-${at}`,
                ),
              }),
        },
      ]),
    ),
  });
  return {
    pipelineInfo: { name: pipeline },
    schemaVersion: "2.1.0",
    root: { dag: dag(GROUPS, "group") },
    components: {
      "comp-group": { dag: dag(TASKS_EACH, "step") },
      "comp-step": { executorLabel: "exec-step" },
    },
    deploymentSpec: {
      executors: { "exec-step": { container: { image: "none", command: ["sh", "-c", script] } } },
    },
  };
}

async function start(url, name, spec) {
  const body = JSON.stringify({ display_name: name, pipeline_spec: spec });
  const answer = await fetch(`${url}/apis/v2beta1/runs`, { method: "POST", body });
  const run = await answer.json();
  if (!answer.ok) throw new Error(run.message);
  return run.run_id;
}

async function ended(url, id) {
  for (;;) {
    const { state } = await (await fetch(`${url}/apis/v2beta1/runs/${id}`)).json();
    if (["SUCCEEDED", "FAILED", "CANCELED"].includes(state)) return state;
    await sleep(200);
  }
}

async function open(browser, address) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  await page.goto(address);
  return page;
}

/** Moves the graph of an ended run in every way that the page offers. */
async function measureGraph({ server, browser, seconds, progress }) {
  progress(`running ${GROUPS * TASKS_EACH} tasks`);
  const id = await start(server.url, "many", manyTasks("many", ":"));
  await ended(server.url, id);
  progress("moving the graph");
  const page = await open(browser, `${server.url}/runs/${id}`);
  await page.locator(".box, .leaf, .group").first().waitFor();
  const layout = await opening(page, GROUPS * TASKS_EACH);
  const frames = {};
  for (const [label, action] of Object.entries(moves))
    frames[label] = await page.evaluate(gather, { action: action.toString(), seconds });
  await page.close();
  return { frames, layout };
}

/** How long it takes until all boxes are there, and the longest time that the page could not answer meanwhile. */
async function opening(page, boxes) {
  return page.evaluate(async (boxes) => {
    const tasks = [];
    new PerformanceObserver((list) =>
      tasks.push(...list.getEntries().map(({ duration }) => duration)),
    ).observe({
      type: "longtask",
    });
    const begin = performance.now();
    [...document.querySelectorAll("button")].find(({ textContent }) => textContent === "Expand all").click();
    while (document.querySelectorAll(".leaf").length < boxes)
      await new Promise((resolve) => setTimeout(resolve, 10));
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    return { ms: performance.now() - begin, longest: Math.max(0, ...tasks) };
  }, boxes);
}

/** What is done in every frame; serialised into the page. */
const moves = {
  "all open, dragged": (field, frame) => {
    field.scrollTo(200 + 180 * Math.sin(frame / 12), 600 + 500 * Math.cos(frame / 15));
  },
  "all open, zoomed": (field, frame) => {
    const deltaY = frame % 60 < 30 ? 12 : -12;
    const at = { clientX: 500, clientY: 500 };
    field.dispatchEvent(
      new WheelEvent("wheel", { deltaY, ctrlKey: true, bubbles: true, cancelable: true, ...at }),
    );
  },
  "all opened and closed, every half second": (_field, frame) => {
    if (frame % 30 !== 0) return;
    const wanted = frame % 60 === 0 ? "Collapse all" : "Expand all";
    [...document.querySelectorAll("button")].find(({ textContent }) => textContent === wanted)?.click();
  },
  "live, 500 boxes, standing still": () => {},
  "live, 500 boxes, dragged": (field, frame) => {
    field.scrollTo(200 + 180 * Math.sin(frame / 12), 600 + 500 * Math.cos(frame / 15));
  },
};
const live = ["live, 500 boxes, standing still", "live, 500 boxes, dragged"];
const standing = Object.fromEntries(Object.entries(moves).filter(([label]) => live.includes(label)));
for (const label of live) delete moves[label];

/** Times between frames, and long tasks, while an action runs in every frame. Runs in the page. */
async function gather({ action, seconds }) {
  // biome-ignore lint/security/noGlobalEval: the function is this file's own, and pages allow no other way in
  const act = eval(`(${action})`);
  const field = document.querySelector(".field");
  const long = [];
  const observer = new PerformanceObserver((list) =>
    long.push(...list.getEntries().map(({ duration }) => duration)),
  );
  observer.observe({ type: "longtask" });
  const times = [];
  const done = () => document.querySelectorAll(".leaf.succeeded").length;
  const before = done();
  await new Promise((resolve) => {
    let [frame, last] = [0, performance.now()];
    const end = last + seconds * 1000;
    const step = (now) => {
      if (frame > 0) times.push(now - last);
      last = now;
      act(field, frame);
      frame += 1;
      if (now < end) requestAnimationFrame(step);
      else resolve();
    };
    requestAnimationFrame(step);
  });
  observer.disconnect();
  return { times, long, ended: done() - before };
}

/** The same while tasks start and end, several in each redrawing. */
async function measureLive({ server, browser, seconds, progress }) {
  progress("looking at a run of 500 tasks that goes on");
  const id = await start(server.url, "live", manyTasks("live", "sleep 0.1"));
  const page = await open(browser, `${server.url}/runs/${id}`);
  await page.getByRole("button", { name: "Expand all" }).click();
  await page
    .locator(".leaf")
    .nth(GROUPS * TASKS_EACH - 1)
    .waitFor();
  const frames = {};
  for (const [label, action] of Object.entries(standing))
    frames[label] = await page.evaluate(gather, { action: action.toString(), seconds });
  const { state } = await (await fetch(`${server.url}/apis/v2beta1/runs/${id}`)).json();
  if (state !== "RUNNING") throw new Error(`the run was ${state} before it was looked at`);
  await fetch(`${server.url}/apis/v2beta1/runs/${id}:terminate`, { method: "POST" });
  await ended(server.url, id);
  await page.close();
  return frames;
}

/** A log of lines of 100 bytes: until its first lines, its end, and a match in its last line are there. */
async function measureLog({ server, browser, progress }, lines) {
  progress(`writing and reading a log of ${lines / 10_000} MB`);
  const script = `yes '${LINE.padEnd(99, ".")}' | head -n ${lines - 1}; echo the very end`;
  const spec = manyTasks("log", script);
  spec.root.dag.tasks = { work: { taskInfo: { name: "work" }, componentRef: { name: "comp-step" } } };
  delete spec.components["comp-group"];
  const id = await start(server.url, "log", spec);
  const state = await ended(server.url, id);
  if (state !== "SUCCEEDED") throw new Error(`the task that writes a log: ${state}`);
  const page = await open(browser, `${server.url}/runs`);
  await page.evaluate(() => {
    globalThis.long = [];
    new PerformanceObserver((list) =>
      long.push(...list.getEntries().map(({ duration }) => duration)),
    ).observe({
      type: "longtask",
    });
  });
  const time = async (work) => {
    const begin = performance.now();
    await work();
    return performance.now() - begin;
  };
  const panel = page.getByRole("complementary");
  const first = await time(async () => {
    await page.goto(`${server.url}/runs/${id}?task=work&view=log`);
    await panel.locator(".log-lines li").first().waitFor();
  });
  const end = await time(async () => {
    await panel.getByLabel("Follow the end").check();
    await panel.locator("li", { hasText: "the very end" }).waitFor();
  });
  const found = await time(async () => {
    await panel.getByPlaceholder("Search the log").fill("the VERY end");
    await panel.getByText("1 of 1").waitFor({ timeout: 120_000 });
  });
  const heap = await page.evaluate(() => performance.memory.usedJSHeapSize);
  await page.close();
  return { bytes: lines * 100, first, end, found, heap };
}

function quantile(numbers, part) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

function results({ frames, layout, log }) {
  const rows = Object.entries(frames).map(([label, { times, long }]) => [
    label,
    times.length,
    ...[0.5, 0.95, 1].map((part) => quantile(times, part)),
    long.length,
    Math.max(0, ...long),
  ]);
  return {
    samples: { frames, layout, log },
    tables: [
      {
        title: "Milliseconds between frames, graph of 500 tasks",
        columns: ["what", "frames", "median", "95th percentile", "most", "tasks over 50 ms", "longest"],
        rows,
      },
      {
        title: "Opening all boxes, milliseconds",
        columns: ["until all 500 are drawn", "longest time without an answer"],
        rows: [[layout.ms, layout.longest]],
      },
      {
        title: `A log of ${log.bytes / 1e6} MB, milliseconds`,
        columns: ["first lines", "its end", "found in its last line", "heap of the page, MiB"],
        rows: [[log.first, log.end, log.found, log.heap / 2 ** 20]],
      },
    ],
    goals: Object.entries(frames)
      .filter(([label]) => !label.startsWith("all opened"))
      .map(([label, { times }]) => ({
        goal: `a frame at the 95th percentile, 500 tasks: ${label}`,
        value: quantile(times, 0.95),
        limit: SMOOTH_MS,
        unit: "ms",
      })),
    notes: [
      `While the run that goes on was looked at, ${Object.values(frames).reduce((sum, { ended }) => sum + Math.max(0, ended), 0)} of its tasks ended.`,
    ],
  };
}
