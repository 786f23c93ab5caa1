/** `npm run setup [-- --lane NAME …]`: installs what the checkout and the named lanes need. */
import { parseArgs } from "node:util";
import { ensureNodeModules, ensureTestPython } from "./install.mjs";
import { laneNamed } from "./lanes.mjs";

const { values } = parseArgs({ options: { lane: { type: "string", multiple: true, default: [] } } });
const wanted = values.lane.map(laneNamed);
ensureNodeModules();
console.log(`The tests' Python: ${ensureTestPython()}`);
for (const lane of wanted) await lane.setup();
