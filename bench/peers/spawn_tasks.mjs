/** node spawn_tasks.mjs PYTHON COUNT [AT A TIME]: starts that many Python processes that do nothing. */
import { spawn } from "node:child_process";

const [python, count, atOnce = "2"] = process.argv.slice(2);
let left = Number(count);
const next = () => {
  if (left-- > 0) spawn(python, ["-c", "pass"], { stdio: ["ignore", "pipe", "pipe"] }).on("close", next);
};
for (let place = 0; place < Number(atOnce); place++) next();
