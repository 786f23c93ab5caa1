/**
 * `node tools/published-specs.mjs DIRECTORY --table FILE.tsv`: runs compiled pipelines of others that lie below a
 * directory, such as those in a checkout of kubeflow/pipelines, and holds their ends against what the table expects
 * (columns `path`, `run_class`, `expected`). Needs a build (`npm run build`). Nothing of the specs is kept.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { createEngine, openStore } from "@sealflow/engine";
import { parsePipelineDocument } from "@sealflow/pipeline";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    table: { type: "string" },
    only: { type: "string" },
    all: { type: "boolean", default: false },
    parameters: { type: "string" },
    timeout: { type: "string", default: "300" },
    at: { type: "string", default: "2" },
    json: { type: "string" },
    objects: { type: "string" },
  },
});
const [directory] = positionals;
if (directory === undefined) {
  console.error(`usage: node tools/published-specs.mjs DIRECTORY [--table FILE.tsv] [--only REGEX] [--all]
  --table FILE       expected ends; without it every .yaml and .json below DIRECTORY is run and its end shown
  --only REGEX       specs whose path matches
  --all              also those that need a network, an object store, Kubernetes objects or more packages
  --parameters FILE  JSON: {"end of a path": {"parameter": value}}; other required parameters get sample values
  --objects FILE     JSON: {"secrets": {"name": "path"}, "configMaps": {…}, "volumes": {…}} for Kubernetes objects
  --timeout SECONDS  per spec (default ${options.timeout})
  --at COUNT         specs at a time (default ${options.at})
  --json FILE        results as JSON`);
  process.exit(2);
}

const given = options.parameters ? JSON.parse(readFileSync(options.parameters, "utf8")) : {};
const objects = options.objects ? JSON.parse(readFileSync(options.objects, "utf8")) : {};
const scratch = mkdtempSync(join(tmpdir(), "published-specs-"));
const store = openStore(join(scratch, "store"));
const engine = createEngine({ store, containers: "host" });
const specs = chosen();
const results = [];
try {
  const queue = specs[Symbol.iterator]();
  await Promise.all(Array.from({ length: Number(options.at) }, () => work(queue)));
} finally {
  await engine.close();
  rmSync(scratch, { recursive: true, force: true });
}
process.exitCode = report();

/** The specs to run, with what is expected of each. */
function chosen() {
  const filter = new RegExp(options.only ?? "");
  const rows = options.table ? rowsOf(options.table) : found();
  return rows.filter(({ path, expected }) => {
    if (!filter.test(path) || !existsSync(join(directory, path))) return false;
    return options.all
      ? !/^(parse|compile)/.test(expected)
      : /^(|run SUCCEED|run FAILED.*|must be.*)$/.test(expected);
  });
}

function rowsOf(table) {
  const [head, ...lines] = readFileSync(table, "utf8").trimEnd().split("\n");
  const names = head.split("\t");
  const rows = lines.map((line) => line.split("\t"));
  return rows.map((cells) => Object.fromEntries(names.map((name, i) => [name, cells[i] ?? ""])));
}

function found() {
  const files = readdirSync(directory, { recursive: true }).filter((file) => /\.(ya?ml|json)$/.test(file));
  return files.sort().map((path) => ({ path, expected: "" }));
}

async function work(queue) {
  for (const row of queue) {
    const started = Date.now();
    const end = await endOf(row);
    const result = { path: row.path, expected: row.expected, seconds: (Date.now() - started) / 1000, ...end };
    result.verdict = verdictOf(result);
    results.push(result);
    const reason = result.verdict === "as expected" ? "" : `  ${result.reason ?? ""}`;
    console.log(
      `${result.verdict.padEnd(11)} ${result.state.padEnd(9)} ${result.seconds.toFixed(1).padStart(6)} s  ${row.path}${reason}`,
    );
  }
}

async function endOf({ path }) {
  const home = mkdtempSync(join(scratch, "home-"));
  const signal = AbortSignal.timeout(Number(options.timeout) * 1000);
  const notices = [];
  const failures = [];
  const onEvent = (event) => {
    if (event.type === "notice") notices.push(event.message);
    if (event.type === "task-finished" && event.state === "FAILED") failures.push(failureText(event));
  };
  try {
    const file = resolve(directory, path);
    const document = parsePipelineDocument(readFileSync(file, "utf8"), { file: relative(directory, file) });
    const parameters = { ...samples(document.spec, home), ...parametersFor(path) };
    const summary = await engine.run(document, {
      ...objects,
      parameters,
      signal,
      onEvent,
      baseDirectory: home,
      caching: false,
    });
    const reason = signal.aborted ? `took longer than ${options.timeout} s` : failures.join(" | ");
    return { state: summary.state, ...(reason ? { reason } : {}), notices };
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    return { state: "REJECTED", reason: text.split("\n").slice(0, 4).join(" "), notices };
  }
}

function failureText({ path, error }) {
  const last =
    String(error?.data?.lastLines ?? "")
      .split("\n")
      .at(-1) ?? "";
  return `${path}: ${error?.code} ${error?.message} ${last}`.slice(0, 400);
}

function parametersFor(path) {
  const key = Object.keys(given).find((end) => path.endsWith(end));
  return key === undefined ? {} : given[key];
}

/** A value of the right type for every required parameter. */
function samples(spec, home) {
  const parameters = {};
  for (const [name, definition] of Object.entries(spec.root.inputDefinitions?.parameters ?? {})) {
    if (definition.defaultValue !== undefined || definition.isOptional === true) continue;
    parameters[name] = sample(name, definition.parameterType, home);
  }
  return parameters;
}

function sample(name, type, home) {
  if (type === "NUMBER_INTEGER") return 3;
  if (type === "NUMBER_DOUBLE") return 1.5;
  if (type === "BOOLEAN") return true;
  if (type === "LIST") return ["a", "b"];
  if (type === "STRUCT") return { a: 1, b: "two" };
  if (!/_path$/.test(name)) return "text";
  mkdirSync(home, { recursive: true });
  return join(home, name);
}

function verdictOf({ expected, state }) {
  if (expected === "") return "ran";
  const wanted = /^must be/.test(expected) ? "REJECTED" : /FAILED/.test(expected) ? "FAILED" : "SUCCEEDED";
  return state === wanted ? "as expected" : "DIFFERS";
}

/** The figure; the exit code says whether every spec ended as expected. */
function report() {
  if (options.json) writeFileSync(options.json, `${JSON.stringify(results, undefined, 2)}\n`);
  const byExpectation = Map.groupBy?.(results, (result) => result.expected) ?? groups();
  console.log();
  for (const [expected, list] of byExpectation) {
    const good = list.filter(({ verdict }) => verdict !== "DIFFERS").length;
    console.log(`${String(good).padStart(4)} of ${list.length}  ${expected || "no expectation"}`);
  }
  const differing = results.filter(({ verdict }) => verdict === "DIFFERS");
  for (const { path, state, reason = "" } of differing) console.log(`  ${state}  ${path}\n    ${reason}`);
  console.log(`${results.length - differing.length} of ${results.length} as expected`);
  return differing.length === 0 && results.length > 0 ? 0 : 1;
}

function groups() {
  const map = new Map();
  for (const result of results) map.set(result.expected, [...(map.get(result.expected) ?? []), result]);
  return map;
}
