/**
 * `npm run build`: declarations and modules of every package, the UI, the bundled command line, and a check that
 * generated components are what their Python files declare.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { must, root } from "./run.mjs";

must("npx", ["tsc", "-b"]);
must("node", ["tools/bundle-rooms.mjs"]);
must("node", ["packages/web/build.mjs"]);
if (existsSync(join(root, "packages/cli/build.mjs"))) must("node", ["packages/cli/build.mjs"]);

// The components' types come from Python: a signature that changed without them is an error here.
const components = ["examples/loan-default/steps.py", "bench/pipelines/noop.py"];
must("node", ["packages/cli/bin/sealflow.js", "components", "check", ...components]);
