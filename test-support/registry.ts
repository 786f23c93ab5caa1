/** A real OCI registry for tests: Debian's docker-registry on the loopback, with its store in a scratch directory. */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A running registry. */
export interface TestRegistry {
  /** `ADDRESS:PORT` */
  readonly host: string;
  stop(): Promise<void>;
}

/** Path of the program, or undefined with a note; CI sets SEALFLOW_REQUIRE_REGISTRY so that there nothing is skipped. */
export function registryProgram(): string | undefined {
  try {
    return execFileSync("sh", ["-c", "command -v docker-registry"], { encoding: "utf8" }).trim();
  } catch {
    if (process.env.SEALFLOW_REQUIRE_REGISTRY)
      throw new Error("docker-registry is required here and missing");
    console.warn("SKIPPED: docker-registry is missing (apt-get install docker-registry)");
    return undefined;
  }
}

function freePort(address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, address, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/**
 * Starts a registry and waits until it answers.
 *
 * @param address Where it listens; the loopback, unless a network that the test made needs to reach it.
 */
export async function startRegistry(
  program: string,
  address = "127.0.0.1",
  port?: number,
): Promise<TestRegistry> {
  const directory = mkdtempSync(join(tmpdir(), "sealflow-registry-"));
  const host = `${address}:${port ?? (await freePort(address))}`;
  const config = join(directory, "config.yml");
  writeFileSync(
    config,
    `version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: ${directory}/data }, delete: { enabled: true } }
http: { addr: "${host}" }
`,
  );
  const child = spawn(program, ["serve", config], { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  for (let attempt = 0; ; attempt++) {
    const answer = await fetch(`http://${host}/v2/`).catch(() => undefined);
    if (answer?.ok) break;
    if (attempt > 200) throw new Error("docker-registry does not answer");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    host,
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
