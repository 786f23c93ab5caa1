import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runPython } from "../../../../test-support/python.js";
import { type RunningServer, type ServerOptions, startServer } from "../../src/server.js";

/** A server over a store of its own, on any free port. */
export interface TestServer extends RunningServer {
  readonly directory: string;
  /** Stops the server and removes what it left. */
  remove(): Promise<void>;
}

/** Starts a server for tests. A given directory is kept on removal by whoever made it. */
export async function testServer(options: Partial<ServerOptions> = {}): Promise<TestServer> {
  const directory = options.directory ?? temporaryDirectory();
  const server = await startServer({
    port: 0,
    ...options,
    directory,
    engine: { environmentsDirectory: join(directory, "environments"), ...options.engine },
  });
  return {
    ...server,
    directory,
    remove: async () => {
      await server.close();
      if (options.directory === undefined) removeDirectory(directory);
    },
  };
}

/** A fresh directory. */
export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), "sealflow-server-"));
}

/** Removes a directory with all that is read-only in it. */
export function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
}

/** Runs one of the Python programs beside the tests; what it prints last is its answer as JSON. */
export async function python<T>(program: string, ...args: readonly string[]): Promise<T> {
  const path = fileURLToPath(new URL(`../python/${program}`, import.meta.url));
  const output = await runPython(["-W", "ignore", path, ...args]);
  return JSON.parse(output.trimEnd().split("\n").at(-1) ?? "") as T;
}
