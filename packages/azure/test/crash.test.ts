/** Applies killed at random instants, and resumed. */
import { spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundleProgram } from "../../../test-support/bundled.js";
import { pendingChanges } from "../src/index.js";
import { standInCaFile } from "./support/certificate.js";
import { testDeployment } from "./support/deployment.js";
import { startStandIn } from "./support/stand-in.js";

const kills = process.env.SEALFLOW_SLOW ? 100 : 10;
// Beside the packages, so that what is not bundled is found.
const program = fileURLToPath(new URL(`../node_modules/.cache/apply-${process.pid}.mjs`, import.meta.url));

beforeAll(async () => {
  await bundleProgram(program, fileURLToPath(new URL("./support/apply-child.ts", import.meta.url)));
});
afterAll(() => rmSync(program, { force: true }));

test(`an apply that is killed ${kills} times at random instants is finished by the next, with nothing made twice`, {
  timeout: 1_800_000,
}, async () => {
  const instants: number[] = [];
  let pickedUp = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    const standIn = await startStandIn({ operationMs: 120 });
    const deployment = testDeployment(standIn);
    try {
      // Between the first request and a little after the last one.
      const instant = Math.round(Math.random() * 500);
      instants.push(instant);
      const killed = await applyInChild(
        standIn.url,
        deployment.directory,
        instant,
        () => standIn.requests.length > 0,
      );
      const { applied, plan } = await deployment.apply();
      if (deployment.events.some(({ type }) => type === "resuming")) pickedUp += 1;
      const after = await (await deployment.open()).plan();
      expect(
        pendingChanges(after),
        `killed at ${instant} ms (${killed}), then ${applied}: ${JSON.stringify(plan.changes.map(({ action }) => action))}`,
      ).toEqual([]);
      expect(standIn.violations).toEqual([]);
      const once = standIn.writes().map(({ method, path }) => `${method} ${path}`);
      const heavy = once.filter((write) => /managedClusters/.test(write));
      expect(heavy.sort(), `killed at ${instant} ms`).toEqual([...new Set(heavy)].sort());
      expect(standIn.writes().filter(({ method }) => method === "DELETE")).toEqual([]);
    } finally {
      await standIn.close();
      deployment.remove();
    }
  }
  console.log(
    `killed at ${instants.sort((a, b) => a - b).join(", ")} ms; operations picked up from the journal: ${pickedUp}`,
  );
});

async function applyInChild(
  url: string,
  directory: string,
  instantMs: number,
  begun: () => boolean,
): Promise<string> {
  const options = join(directory, "options.json");
  writeFileSync(options, JSON.stringify({ url, directory }));
  const child = spawn(process.execPath, [program, options], {
    stdio: "ignore",
    env: { ...process.env, NODE_EXTRA_CA_CERTS: standInCaFile },
  });
  const ended = new Promise<string>((resolve) =>
    child.on("close", (code, signal) => resolve(signal ?? String(code))),
  );
  while (!begun() && child.exitCode === null) await sleep(5);
  await sleep(instantMs);
  child.kill("SIGKILL");
  return ended;
}
