/**
 * `npm run demo`: from a fresh clone to the result of the loan-default pipeline. Installs and builds only what is missing
 * or older than its sources; tasks that ran before are not run again.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ensureNodeModules } from "./install.mjs";
import { must, output, root, start } from "./run.mjs";

const program = join(root, "packages/cli/bin/sealflow.js");
const pipeline = "examples/loan-default/pipeline.ts";

ensureNodeModules();
if (isStale()) {
  console.log("Building …");
  must("node", ["tools/build.mjs"]);
}
console.log(`sealflow run ${pipeline}\n`);
const args = process.argv.slice(2);
// Ctrl-C reaches the run as well, which cancels cleanly and says so: this process waits for that.
process.on("SIGINT", () => {});
const code = await start("node", [program, "run", pipeline, "--pipeline", "loanDefault", ...args]);
if (code !== 0) process.exit(code);
const at = args.indexOf("--store");
const store = at < 0 ? [] : args.slice(at, at + 2);
const report = output("node", [program, "report", "latest", ...store]);
console.log(report === undefined ? "\nThe report could not be written" : `\nReport: ${report}`);
console.log(`Look at the run in a browser: ${["npx sealflow ui latest", ...store].join(" ")}`);
process.exitCode = report === undefined ? 1 : 0;

/** True when there is no build, or a source, or what builds it, is newer. */
function isStale() {
  const built = join(root, "packages/cli/dist/bundle/bin.js");
  if (!existsSync(built)) return true;
  const time = statSync(built).mtimeMs;
  const files = [
    "package-lock.json",
    "tsconfig.base.json",
    "tools/build.mjs",
    "tools/bundle-rooms.mjs",
    "packages/cli/build.mjs",
  ];
  return (
    files.some((file) => statSync(join(root, file)).mtimeMs > time) ||
    readdirSync(join(root, "packages")).some((room) => newest(join(root, "packages", room, "src")) > time)
  );
}

function newest(directory) {
  if (!existsSync(directory)) return 0;
  const times = readdirSync(directory, { recursive: true }).map(
    (file) => statSync(join(directory, file)).mtimeMs,
  );
  return Math.max(0, ...times);
}
