/** `npm run build`: declarations and modules of every package, then the UI and the bundled command line. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { must, root } from "./run.mjs";

must("npx", ["tsc", "-b"]);
must("node", ["packages/web/build.mjs"]);
if (existsSync(join(root, "packages/cli/build.mjs"))) must("node", ["packages/cli/build.mjs"]);
