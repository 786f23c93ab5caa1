/**
 * `npm run bench [-- NAME … --quick …]`: runs benchmarks one after the other and stores what each measured as soon as it
 * is done. A benchmark is a module of this directory, `NAME.mjs` or `NAME/index.mjs`; bench/README.md says what it exports.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { must, root } from "../tools/run.mjs";
import { load, machine } from "./lib/machine.mjs";
import { readResult, section, writePage, writeResult } from "./lib/results.mjs";

const here = join(root, "bench");
const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    all: { type: "boolean", default: false },
    resume: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    page: { type: "boolean", default: false },
    rounds: { type: "string" },
    results: { type: "string", default: join(here, "results") },
    help: { type: "boolean", default: false },
  },
});
if (options.help) {
  console.log(`usage: npm run bench [-- NAME … ] [options]
  NAME …           these benchmarks only; without a name all but the heavy ones
  --all            the heavy ones too
  --quick          fewer rounds: medians of 3 or so, within minutes
  --rounds N       rounds of every comparison, whatever the benchmark asks for
  --resume         leave out what was measured already: same code, same machine, same mode
  --results DIR    where results are stored (default bench/results)
  --page           only draw DIR/README.md from the results that are there
  --list           names and what they measure`);
  process.exit(0);
}
const directory = resolve(options.results);
if (options.page) {
  writePage(directory);
  process.exit(0);
}
const benchmarks = await discovered();
if (options.list) {
  for (const { name, describe, heavy } of benchmarks)
    console.log(`${name.padEnd(14)}${heavy ? "(heavy) " : ""}${describe}`);
  process.exit(0);
}
must("node", ["tools/build.mjs"]);
const mode = options.rounds ? `${options.rounds} rounds` : options.quick ? "quick" : "full";
const here_machine = machine();
const code = revision();
const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort());
let failed = 0;
for (const benchmark of chosen()) {
  if (interrupted.signal.aborted) break;
  if (options.resume && isMeasured(benchmark.name)) console.log(`${benchmark.name}: measured already`);
  else if (!(await measure(benchmark))) failed++;
}
process.exitCode = interrupted.signal.aborted ? 130 : failed > 0 ? 1 : 0;

async function discovered() {
  const files = readdirSync(here).flatMap((entry) => {
    const candidates = [
      join(here, entry, "index.mjs"),
      ...(entry.endsWith(".mjs") ? [join(here, entry)] : []),
    ];
    return candidates.filter((file) => existsSync(file) && file !== join(here, "run.mjs"));
  });
  return Promise.all(files.sort().map((file) => import(pathToFileURL(file).href)));
}

function chosen() {
  if (wanted.length === 0) return benchmarks.filter(({ heavy }) => options.all || !heavy);
  const unknown = wanted.filter((name) => !benchmarks.some((each) => each.name === name));
  if (unknown.length > 0) {
    const known = benchmarks.map(({ name }) => name).join(", ");
    console.error(`bench: expected names among ${known}, got ${unknown.join(", ")}`);
    process.exit(2);
  }
  return benchmarks.filter(({ name }) => wanted.includes(name));
}

/** Names the code that is measured: equal code, equal name, whatever else was committed. */
function revision() {
  const git = (...args) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
  try {
    const measured = ["packages", "python", "examples", "package-lock.json"];
    const trees = measured.map((path) => git("rev-parse", `HEAD:${path}`).slice(0, 8));
    const changed = git("status", "--porcelain", "--", ...measured) === "" ? "" : "+changed";
    return `${trees.join("-")}${changed}`;
  } catch {
    return "unknown";
  }
}

function isMeasured(name) {
  const result = readResult(directory, name);
  return (
    result !== undefined &&
    !code.endsWith("+changed") &&
    result.measured.code === code &&
    result.measured.mode === mode &&
    JSON.stringify(result.machine) === JSON.stringify(here_machine)
  );
}

async function measure({ name, describe, run }) {
  const scratch = mkdtempSync(join(tmpdir(), `sealflow-bench-${name}-`));
  const before = load();
  const started = performance.now();
  console.log(`\n${name}: ${describe}`);
  try {
    const found = await run({
      quick: options.quick,
      rounds: (full, quick = Math.min(full, 3)) => Number(options.rounds ?? (options.quick ? quick : full)),
      scratch,
      signal: interrupted.signal,
      progress: (text) => console.log(`  ${text}`),
    });
    const measured = {
      ...{ time: new Date().toISOString(), mode, code, load: [before, load()] },
      seconds: (performance.now() - started) / 1000,
    };
    const result = { name, describe, machine: here_machine, measured, goals: [], notes: [], ...found };
    writeResult(directory, result);
    console.log(`\n${section(result)}`);
    return true;
  } catch (error) {
    console.error(`${name} failed: ${error instanceof Error ? error.message : error}`);
    return false;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
