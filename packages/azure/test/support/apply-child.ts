/** A process that applies, to be killed. */
import { readFileSync } from "node:fs";
import { testDeployment } from "./deployment.js";
import type { StandIn } from "./stand-in.js";

const { url, directory } = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"));
const deployment = testDeployment({ url } as StandIn, directory);
await deployment.apply();
