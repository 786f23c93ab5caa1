import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { JsonObject } from "@sealflow/core";
import { projectKeyFrom, sealArtifact } from "@sealflow/seal";
import { writeKeyFile } from "@sealflow/seal/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, look, type World } from "./support/world.js";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());

/** A pipeline of one host command with an output `made`. */
const commanding = (script: string, tasks: readonly string[] = ["work"]) => ({
  pipelineInfo: { name: "commands" },
  schemaVersion: "2.1.0",
  root: {
    dag: {
      tasks: Object.fromEntries(
        tasks.map((name, index) => [
          name,
          {
            taskInfo: { name },
            componentRef: { name: "comp-work" },
            ...(index > 3 ? { dependentTasks: [tasks[Math.floor(index / 3)]] } : {}),
          },
        ]),
      ),
    },
  },
  components: {
    "comp-work": {
      executorLabel: "exec-work",
      outputDefinitions: {
        artifacts: { made: { artifactType: { schemaTitle: "system.Artifact", schemaVersion: "0.0.1" } } },
      },
    },
  },
  deploymentSpec: {
    executors: {
      "exec-work": {
        container: { image: "none", command: ["sh", "-c", script, "{{$.outputs.artifacts['made'].path}}"] },
      },
    },
  },
});

async function commanded(script: string, tasks?: readonly string[]): Promise<string> {
  const spec: JsonObject = JSON.parse(JSON.stringify(commanding(script, tasks)));
  const { run_id } = await world.api.createRun({ display_name: "commanded", pipeline_spec: spec });
  return run_id;
}

describe("what is large", () => {
  it("a log of many megabytes is scrolled to its end and searched, read piece by piece", async () => {
    const lines = process.env.SEALFLOW_SLOW ? 1_000_000 : 200_000;
    const line =
      "all work and no play makes a log of exactly one hundred characters in each of its very many lines";
    const id = await commanded(
      `yes '${line.padEnd(99, ".")}' | head -n ${lines - 1}; echo the very end; echo x > "$0"`,
    );
    await world.wait(id);
    await look(world, `/runs/${id}?task=work&view=log`, async (page, { requests }) => {
      const panel = page.getByRole("complementary");
      await panel.getByText(`${lines.toLocaleString("en").replaceAll(",", "\u202f")} lines`).waitFor();
      const before = requests.length;
      await panel.getByLabel("Follow the end").check();
      await panel.locator("li", { hasText: "the very end" }).waitFor();
      expect(await panel.locator(".log-lines li").count()).toBeLessThan(150);
      expect(requests.length - before).toBeLessThan(6);
      await panel.getByPlaceholder("Search the log").fill("the VERY end");
      await panel.getByText("1 of 1").waitFor();
    });
  });

  it("a pipeline of 500 tasks is drawn, and its boxes are reached", async () => {
    const names = Array.from({ length: 500 }, (_, index) => `task-${index}`);
    const id = await commanded('echo x > "$0"', names);
    await world.api.terminateRun(id);
    await world.wait(id);
    await look(world, `/runs/${id}`, async (page) => {
      await expect.poll(() => page.locator(".leaf").count(), { timeout: 20_000 }).toBe(500);
      await page.getByRole("button", { name: "Closer" }).click();
      await page.getByRole("link", { name: /task-499$/ }).focus();
      await expect.poll(() => page.locator(".leaf:focus").textContent()).toContain("task-499");
    });
  });
});

describe("tables", () => {
  it.each(["snappy", "zstd"])("of Parquet are read in the page, compressed by %s", async (codec) => {
    const file = fileURLToPath(new URL(`./testdata/parquet/${codec}.parquet`, import.meta.url));
    const id = await commanded(`cat '${file}' > "$0"`);
    await world.wait(id);
    await look(world, `/runs/${id}?tab=artifacts`, async (page) => {
      await page.getByText("500 rows, 5 columns").waitFor();
      await page.getByRole("row", { name: /^grade string 50 \(10.0 %\) 3/ }).waitFor();
      await page.getByRole("row", { name: /^1 0 0 – 2026-01-01 true/ }).waitFor();
    });
  });
});

describe("sealed artifacts", () => {
  it("are shown as sealed, and opened in the page with a key that never leaves it", async () => {
    const secret = new Uint8Array(randomBytes(32));
    const { identity } = await projectKeyFrom(secret);
    const sealed: Uint8Array[] = [];
    const stream = sealArtifact([new TextEncoder().encode("id,amount\n1,1000\n2,2500\n")], {
      ...{ recipients: [identity.recipient], lineage: { run: "r1" }, kind: "bytes" },
      random: { bytes: (length) => new Uint8Array(randomBytes(length)) },
    });
    for await (const piece of stream) sealed.push(piece);
    const file = join(world.directory, "loans.sealed");
    writeFileSync(file, Buffer.concat(sealed));
    const key = join(world.directory, "key.json");
    const open = { name: "project", createdAt: "2026-01-01T00:00:00Z", secrets: [secret] };
    await writeKeyFile(key, open, {
      protection: { kind: "passphrase", passphrase: "correct horse", cost: { n: 1024, r: 8, p: 1 } },
    });
    const id = await commanded(`cat '${file}' > "$0"`);
    await world.wait(id);
    await look(world, `/runs/${id}?tab=artifacts`, async (page, { requests }) => {
      await page.getByText(/^Sealed, /).waitFor();
      expect(await page.getByText("1000").count()).toBe(0);
      await page.locator('input[type="file"]').setInputFiles(key);
      await page.getByLabel("Passphrase").fill("wrong");
      await page.getByRole("button", { name: "Open", exact: true }).click();
      await page.getByText("it does not open this key file").waitFor();
      await page.getByLabel("Passphrase").fill("correct horse");
      await page.getByRole("button", { name: "Open", exact: true }).click();
      await page.getByRole("row", { name: /^amount/ }).waitFor();
      expect(requests.filter((url) => url.includes("key"))).toEqual([]);
    });
  });
});

describe("what is not there", () => {
  it("no run yet: the page says how to start one", async () => {
    const empty = await createWorld();
    await look(empty, "/", async (page, { complaints }) => {
      await page.getByRole("heading", { name: "No run yet" }).waitFor();
      await page.goto(`${empty.server.url}/schedules`);
      await page.getByRole("heading", { name: "Nothing is scheduled" }).waitFor();
      await page.goto(`${empty.server.url}/pipelines`);
      await page.getByRole("heading", { name: "No pipeline was uploaded" }).waitFor();
      await page.goto(`${empty.server.url}/runs/unheard-of`);
      await page.getByRole("heading", { name: "Not found" }).waitFor();
      // The browser reports the 404 that was asked for.
      expect(complaints.splice(0)).toEqual([expect.stringContaining("404")]);
    });
    await empty.close();
  });

  it("the server: what was loaded stays, the page says so, and goes on by itself", async () => {
    const first = await createWorld();
    await first.run("seen before");
    const port = Number(new URL(first.server.url).port);
    await look(first, "/", async (page, { complaints }) => {
      await page.getByRole("link", { name: "seen before" }).waitFor();
      await first.server.close();
      await page.getByText("The server does not answer.", { exact: false }).waitFor();
      expect(await page.getByRole("link", { name: "seen before" }).count()).toBe(1);
      const again = await createWorld({ directory: first.directory, port });
      await page.getByText("The server does not answer.", { exact: false }).waitFor({ state: "detached" });
      await again.server.close();
      complaints.splice(0);
    });
    await first.close();
  });

  it("the token: the page asks for it, keeps a session in its place, and downloads work", async () => {
    const guarded = await createWorld({ requireToken: true });
    const token = guarded.server.freshToken ?? "";
    await look(guarded, "/", async (page, { complaints }) => {
      await page.getByLabel("Token").fill("wrong");
      await page.getByRole("button", { name: "Continue" }).click();
      await page.getByRole("alert").waitFor();
      await page.getByLabel("Token").fill(token);
      await page.getByRole("button", { name: "Continue" }).click();
      await page.getByRole("heading", { name: "No run yet" }).waitFor();
      const status = await page.evaluate(async () => (await fetch("/api/runs")).status);
      expect(status).toBe(200);
      const kept = await page.evaluate(() =>
        JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }]),
      );
      expect(kept).not.toContain(token);
      complaints.splice(0);
    });
    expect((await fetch(`${guarded.server.url}/api/runs`)).status).toBe(401);
    await guarded.close();
  });
});
