import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { verifyBundle } from "@sealflow/trust";
import type { Locator } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli } from "../../cli/src/app.js";
import { fakeContext } from "../../cli/test/support/fake-context.js";
import { createWorld, look, violationsOf, type World } from "./support/world.js";

const showcase = fileURLToPath(new URL("./testdata/showcase/showcase.yaml", import.meta.url));
const cwd = mkdtempSync(join(tmpdir(), "sealflow-web-sealed-"));
const trustFile = join(cwd, "trust.yaml");
let world: World;
let id: string;
let bundle: Buffer;

/** A real sealed run: simulated enclaves, a broker, statements, ciphertext. */
beforeAll(async () => {
  copyFileSync(showcase, join(cwd, "showcase.yaml"));
  writeFileSync(join(cwd, "sealflow.config.json"), "{}");
  const { context, written } = fakeContext({ cwd, now: Date.now });
  const lists = ["--declassify", "for-loop-1/train/Output", "--release", "evaluate/Output"];
  const code = await runCli(["run", "showcase.yaml", "--sealed", ...lists, "--json"], context);
  expect(written.stderr.includes("error["), written.stderr).toBe(false);
  expect(code).toBe(0);
  id = JSON.parse(written.stdout).runId;
  world = await createWorld({ directory: join(cwd, ".sealflow") });
  bundle = readFileSync(join(cwd, ".sealflow", "runs", id, "bundle.json"));
}, 300_000);
afterAll(async () => {
  await world?.close();
  rmSync(cwd, { recursive: true, force: true, maxRetries: 3 });
});

describe("a sealed run", () => {
  it("is verified in the page: consistent by itself, trusted with anchors from elsewhere", async () => {
    await look(world, `/runs/${id}?tab=trust`, async (page) => {
      await page.getByRole("heading", { name: "Consistent, not trusted" }).waitFor();
      await page.getByText("Simulated enclave.").waitFor();
      const tasks = page.getByRole("region", { name: "Tasks" });
      expect(await tasks.locator(".simulated-tag").count()).toBeGreaterThan(5);
      const skipped = tasks.locator(".trust-tasks > li", { hasText: "condition-2/explode" });
      await skipped.getByText("proven skipped").click();
      await skipped.getByText(/rightly skipped, condition-2 is SKIPPED/).waitFor();
      const task = tasks.locator(".trust-tasks > li", { hasText: "prepare/make-data" });
      await task.getByText("committed").click();
      await showsWhatIsProven(task, "prepare/make-data");
      expect(await violationsOf(page)).toEqual([]);
      await page.locator('input[type="file"]').setInputFiles(trustFile);
      await page.getByRole("heading", { name: "Trusted", exact: true }).waitFor();
      await task.getByText("committed").click();
      await task.getByText("Trusted: it ran as granted, and its first commit stands").waitFor();
      await page.getByText(/^\d{3} checks, all passed$/).click();
      await page.locator(".checks li").nth(100).waitFor();
      const download = page.waitForEvent("download");
      await page.getByRole("link", { name: "Download the bundle" }).click();
      expect(readFileSync(await (await download).path()).equals(bundle)).toBe(true);
    });
  });

  it("tells of each task, beside the graph, what is proven about it", async () => {
    await look(world, `/runs/${id}?task=for-loop-1%5B1%5D/train`, async (page) => {
      const panel = page.getByRole("complementary");
      await panel.getByRole("tab", { name: "Trust" }).click();
      await panel.getByText("Simulated enclave.").waitFor();
      await showsWhatIsProven(panel, "for-loop-1[1]/train");
      expect(await violationsOf(page)).toEqual([]);
    });
  });

  it("shows stand-ins as what they are, and opens logs and data with one key, which stays in the page", async () => {
    const key = readFileSync(join(cwd, ".sealflow", "keys", "project.json"), "utf8");
    await look(world, `/runs/${id}?task=prepare/make-data`, async (page) => {
      const sent: string[] = [];
      page.context().on("request", (request) => {
        sent.push(`${request.url()} ${JSON.stringify(request.headers())} ${request.postData() ?? ""}`);
      });
      const panel = page.getByRole("complementary");
      await page.locator(".run-facts").getByText("sealed run").waitFor();
      expect(await page.getByRole("link", { name: "Run again" }).count()).toBe(0);
      await panel.locator("dd", { hasText: "sealed" }).waitFor();
      await panel.getByRole("tab", { name: "Log" }).click();
      await panel.getByText(/^Sealed, /).waitFor();
      await panel.locator('input[type="file"]').setInputFiles(join(cwd, ".sealflow", "keys", "project.json"));
      await panel.getByText(/wrote 200 rows/).waitFor();
      await page.getByRole("link", { name: "Artifacts" }).click();
      await page.getByRole("link", { name: /^table/ }).click();
      await page.getByRole("button", { name: "Open with the key that was given" }).click();
      await page.getByText("200 rows, 3 columns").waitFor();
      const kept = await page.evaluate(async () =>
        JSON.stringify([
          { ...localStorage },
          { ...sessionStorage },
          await indexedDB.databases(),
          document.cookie,
        ]),
      );
      for (const secret of secretsIn(key)) {
        expect(sent.filter((request) => request.includes(secret))).toEqual([]);
        expect(kept).not.toContain(secret);
      }
      expect(sent.length).toBeGreaterThan(2);
      await page.reload();
      await page.getByText(/^Sealed, /).waitFor();
      expect(await page.getByRole("button", { name: "Open with the key that was given" }).count()).toBe(0);
    });
  });
});

/** Every spelling of the secrets of a key file under file permissions: of each secret, and of all together. */
function secretsIn(file: string): readonly string[] {
  const all = Buffer.from(JSON.parse(file).protection.secrets, "base64");
  const each = (JSON.parse(all.toString()) as string[]).map((secret) => Buffer.from(secret, "base64"));
  expect(each.length).toBeGreaterThan(0);
  const encodings = ["base64", "base64url", "hex", "latin1"] as const;
  return [all, ...each].flatMap((bytes) => encodings.map((encoding) => bytes.toString(encoding)));
}

/** Kind, verdict, measurement, policy, platform, grant, statement and every check: as the verifier itself has them. */
async function showsWhatIsProven(place: Locator, path: string): Promise<void> {
  const { run, checks } = await verifyBundle(bundle);
  const task = run?.tasks.find((each) => each.path === path);
  const { evidence, granted = [] } = task ?? {};
  const own = checks.filter(({ where }) => where.startsWith(`${path}, `));
  const parts = own.flatMap(({ parts = [] }) => parts);
  expect(parts.length).toBeGreaterThan(25);
  await place
    .locator(".compared")
    .nth(own.length + parts.length - 1)
    .waitFor({ state: "attached" });
  const text = await place.innerText();
  const whole = (await place.locator(".task-trust").textContent()) ?? "";
  for (const wanted of [
    ...["SIMULATED", `epoch ${run?.policy.epoch}`, run?.policy.digest],
    ...[evidence?.mrEnclave, evidence?.enclave.mrSigner, evidence?.platform.fmspc, evidence?.status],
    ...[evidence?.digest, evidence?.root, granted[0]?.grant, granted[0]?.statement, task?.component?.digest],
  ])
    expect(`${text} ${whole}`).toContain(wanted);
  for (const { what, expected, got } of [...own, ...parts])
    for (const wanted of [what, expected, got]) expect(whole).toContain(wanted);
}

it("a sealed run is not run again in the clear", async () => {
  await look(world, `/new?run=${id}`, async (page) => {
    await page.getByText("This server has no key to seal with", { exact: false }).waitFor();
    expect(await page.getByRole("button", { name: "Start" }).count()).toBe(0);
  });
});

describe("a bundle from elsewhere", () => {
  const file = (name: string, buffer: Buffer) => ({ name, mimeType: "application/json", buffer });

  it.each(["light", "dark"] as const)(
    "is dropped and verified, and refused when anything of it was changed, in %s",
    async (theme) => {
      await look(
        world,
        "/verify",
        async (page, { requests }) => {
          const inputs = page.locator('input[type="file"]');
          await inputs.nth(1).setInputFiles(trustFile);
          const sent = requests.length;
          await inputs.nth(0).setInputFiles(file("run.bundle", bundle));
          await page.getByRole("heading", { name: "Trusted", exact: true }).waitFor();
          const at = bundle.indexOf('"runName":"') + 12;
          const changed = Buffer.from(bundle);
          changed[at] = (changed[at] ?? 0) ^ 1;
          await inputs.nth(0).setInputFiles(file("changed.bundle", changed));
          await page.getByRole("heading", { name: "Refused" }).waitFor();
          await page.locator(".checks .failed").first().waitFor();
          await inputs.nth(0).setInputFiles(file("no.bundle", Buffer.from("{}")));
          await page.getByText("TRUST_DOCUMENT_MALFORMED").first().waitFor();
          expect(await violationsOf(page)).toEqual([]);
          expect(requests.slice(sent).filter((url) => !url.endsWith(".js"))).toEqual([]);
        },
        { theme },
      );
    },
  );
});
