/** A server in a process of its own, for tests that kill it: `DIRECTORY`, then its address on standard output. */
import { join } from "node:path";
import { startServer } from "../../src/server.js";

const [directory = ""] = process.argv.slice(2);
const server = await startServer({
  ...{ port: 0, directory, concurrentRuns: 1 },
  engine: { containers: "host", environmentsDirectory: join(directory, "environments") },
});
process.stdout.write(`${server.url}\n`);
