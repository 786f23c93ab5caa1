/**
 * `node score.mjs APPLICANTS [--run RUN] [--out FILE]`: scores new applicants, as CSV or JSON, with the model of an earlier
 * run of the loan-default pipeline. One line of JSON for each applicant who was scored; those refused are named on
 * standard error, with all reasons. Ends with 0 when anyone was scored, 1 when nobody was, 2 for a wrong command line.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const usage = "usage: node score.mjs APPLICANTS.csv|.json [--run RUN] [--out FILE]";
const options = /** @type {const} */ ({ run: { type: "string" }, out: { type: "string" } });
const program = fileURLToPath(new URL("../../packages/cli/bin/sealflow.js", import.meta.url));
const scoring = fileURLToPath(new URL("score.ts", import.meta.url));

const { applicants, run, out } = commandLine();
const trained = sealflow("runs", "show", run ?? latest(), "--json");
const scored = sealflow(
  ...["run", scoring, "--json"],
  ...["--param", `applicants_path=${resolve(applicants)}`],
  ...["--param", `model_path=${artifactOf(trained, "train-model", "model")}`],
  ...["--param", `preprocessor_path=${artifactOf(trained, "preprocess-features", "preprocessor")}`],
);
if (scored.state !== "SUCCEEDED") stop(1, failureOf(scored));
const result = JSON.parse(
  readFileSync(fileURLToPath(artifactOf(scored, "score-applicants", "scores")), "utf8"),
);
for (const { row, reasons } of result.refused)
  process.stderr.write(`row ${row} refused: ${reasons.join("; ")}\n`);
const text = result.scored.map((line) => `${JSON.stringify(line)}\n`).join("");
if (out === undefined) process.stdout.write(text);
else writeFileSync(out, text);

function commandLine() {
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const [file, ...more] = positionals;
    if (file === undefined || more.length > 0) stop(2, usage);
    if (!existsSync(file)) stop(2, `${file}: expected a file, got nothing`);
    return { ...values, applicants: file };
  } catch (error) {
    return stop(2, `${error.message}\n${usage}`);
  }
}

/** The newest run that trained a model: scoring runs, which are recorded too, did not. */
function latest() {
  const { runs } = sealflow("runs", "list", "--limit", "1000", "--json");
  const found = runs.find((each) => each.pipelineName === "loan-default" && each.state === "SUCCEEDED");
  return found?.runId ?? stop(1, "no run of loan-default has succeeded here: npm run demo makes one");
}

function artifactOf(summary, task, output) {
  const artifact = summary.tasks.find((each) => each.path === task)?.artifacts[output]?.[0];
  return artifact?.uri ?? stop(1, `run ${summary.runId}: expected the artifact ${output} of ${task}`);
}

function failureOf({ tasks, error }) {
  return (tasks.find((task) => task.error !== undefined)?.error ?? error)?.message ?? "scoring failed";
}

/** The one JSON object that a command prints; its progress is not shown. */
function sealflow(...args) {
  const { stdout, stderr, error } = spawnSync(process.execPath, [program, ...args], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  try {
    return JSON.parse(stdout);
  } catch {
    return stop(1, error?.message ?? stderr.trim());
  }
}

function stop(code, message) {
  process.stderr.write(`${message}\n`);
  return process.exit(code);
}
