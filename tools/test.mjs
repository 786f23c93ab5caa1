/**
 * `npm test`: installs what is missing, builds, and runs every lane whose prerequisites this machine has.
 * Lanes named in SEALFLOW_REQUIRE_LANES (comma-separated) must run. Ends with one line for the whole run.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureExamplePython, ensureNodeModules, ensureTestPython } from "./install.mjs";
import { lanes } from "./lanes.mjs";
import { must, root, start } from "./run.mjs";

const { values } = parseArgs({
  options: { slow: { type: "boolean", default: false }, lane: { type: "string", multiple: true } },
});
ensureNodeModules();
const testPython = ensureTestPython();
must("node", ["tools/build.mjs"]);

const required = (process.env.SEALFLOW_REQUIRE_LANES ?? "").split(",").filter(Boolean);
const scratch = mkdtempSync(join(tmpdir(), "sealflow-test-"));
const env = {
  ...process.env,
  SEALFLOW_TEST_PYTHON: testPython,
  ...(values.slow ? { SEALFLOW_SLOW: "1" } : {}),
};
const total = { passed: 0, failed: 0, skipped: 0 };
let broken = false;

for (const lane of lanes.filter((each) => !values.lane || values.lane.includes(each.name))) {
  const missing = lane.missing();
  if (missing !== undefined) {
    console.log(`SKIPPED lane ${lane.name}: missing ${missing} (npm run setup -- --lane ${lane.name})`);
    if (required.includes(lane.name)) broken = true;
    continue;
  }
  console.log(`\nLane ${lane.name}`);
  if (lane.python) {
    await pytest(testPython, "python/tests");
    await pytest(ensureExamplePython(), "examples/loan-default/tests");
  }
  await vitest(lane.vitestProject, lane.node?.() ?? process.execPath);
}
for (const name of required) if (!lanes.some((lane) => lane.name === name)) broken = true;

rmSync(scratch, { recursive: true, force: true });
if (total.skipped > 0) console.log(`${total.skipped} skipped`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(broken || total.failed > 0 || total.passed === 0 ? 1 : 0);

async function vitest(project, node) {
  const report = join(scratch, `${project}.json`);
  const code = await start(
    node,
    [
      "node_modules/vitest/vitest.mjs",
      "run",
      "--project",
      project,
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${report}`,
    ],
    { env },
  );
  if (!existsSync(report)) {
    broken = true;
    return;
  }
  const result = JSON.parse(readFileSync(report, "utf8"));
  add(result.numPassedTests, result.numFailedTests, result.numPendingTests + result.numTodoTests);
  if (code !== 0) broken = true;
}

async function pytest(python, tests) {
  if (!existsSync(join(root, tests))) return;
  const report = join(scratch, `${tests.replaceAll("/", "-")}.xml`);
  const code = await start(python, ["-m", "pytest", "-q", `--junitxml=${report}`, tests], { env });
  if (code !== 0) broken = true;
  if (!existsSync(report)) return;
  const xml = readFileSync(report, "utf8");
  const count = (name) => Number(new RegExp(`<testsuite [^>]*\\b${name}="(\\d+)"`).exec(xml)?.[1] ?? 0);
  const failed = count("failures") + count("errors");
  add(count("tests") - failed - count("skipped"), failed, count("skipped"));
}

function add(passed, failed, skipped) {
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
}
