import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
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
      expect(await page.locator(".simulated-tag").count()).toBeGreaterThan(5);
      await page.getByRole("row", { name: /condition-2\/explode proven skipped none/ }).waitFor();
      expect(await violationsOf(page)).toEqual([]);
      await page.locator('input[type="file"]').setInputFiles(trustFile);
      await page.getByRole("heading", { name: "Trusted", exact: true }).waitFor();
      await page.getByText(/^\d{3} checks, all passed$/).click();
      expect(await page.locator(".checks li").count()).toBeGreaterThan(100);
      const download = page.waitForEvent("download");
      await page.getByRole("link", { name: "Download the bundle" }).click();
      expect(readFileSync(await (await download).path()).equals(bundle)).toBe(true);
    });
  });

  it("shows stand-ins as what they are, and opens logs and data with one key", async () => {
    await look(world, `/runs/${id}?task=prepare/make-data`, async (page) => {
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
      await page.reload();
      await page.getByText(/^Sealed, /).waitFor();
      expect(await page.getByRole("button", { name: "Open with the key that was given" }).count()).toBe(0);
    });
  });
});

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
