/** `npm run build`: declarations and modules of every package, then the bundled command line. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { must, root } from "./run.mjs";

must("npx", ["tsc", "-b"]);
if (existsSync(join(root, "packages/cli/build.mjs"))) must("node", ["packages/cli/build.mjs"]);
