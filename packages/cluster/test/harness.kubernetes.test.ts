/** The test cluster itself: whoever kills its process gets rid of all of it. */
import { fork } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

/** Command lines of processes that speak of a directory. */
function processesOf(directory: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")];
      } catch {
        return [];
      }
    })
    .filter((line) => line.includes(directory));
}

it.runIf(process.env.SEALFLOW_SLOW)("ends with the process that started it, also by SIGKILL", async () => {
  const scratch = mkdtempSync(join(tmpdir(), "sealflow-harness-"));
  const { build } = await import("esbuild");
  const outfile = join(scratch, "child.mjs");
  await build({
    entryPoints: [fileURLToPath(new URL("support/cluster-child.ts", import.meta.url))],
    ...{ outfile, bundle: true, platform: "node", format: "esm", logLevel: "error" },
    define: {
      "import.meta.url": JSON.stringify(
        new URL("../../../test-support/kubernetes/cluster.ts", import.meta.url).href,
      ),
    },
  });
  const child = fork(outfile, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const directory = await new Promise<string>((resolve) =>
    child.once("message", (said) => resolve(String(said))),
  );
  expect(processesOf(directory).length).toBeGreaterThan(4);
  child.kill("SIGKILL");
  for (let tries = 0; tries < 50 && processesOf(directory).length > 0; tries++) await sleep(100);
  expect(processesOf(directory)).toEqual([]);
  rmSync(directory, { recursive: true, force: true });
  rmSync(scratch, { recursive: true, force: true });
});
