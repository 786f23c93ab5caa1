import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allRuns, builtPages, createWorld, look, violationsOf, type World } from "./support/world.js";

let world: World;
const ids: Record<string, string> = {};

beforeAll(async () => {
  world = await createWorld();
  const marker = join(world.directory, "marker");
  for (const [name, parameters] of [
    ["baseline", { marker }],
    ["slow rates", { rates: [1, 2], rows: 300 }],
    ["broken", { fail: true }],
  ] as const) {
    ids[name] = (await world.run(name, parameters)).run_id;
  }
});
afterAll(() => world.close());

const rowNames = (page: Page) => page.locator("tbody th.name a").allTextContents();

describe("the list of runs", () => {
  it("is sorted by a metric, searched, and remembers both in its address", async () => {
    await look(world, "/", async (page) => {
      await page.getByRole("button", { name: "auc", exact: true }).click();
      await expect.poll(() => rowNames(page)).toEqual(["broken", "baseline", "slow rates"]);
      await page.getByPlaceholder(/Search/).fill("auc>0.4 baseline");
      await expect.poll(() => rowNames(page)).toEqual(["baseline"]);
      expect(new URL(page.url()).search).toBe("?sort=-metrics.auc&q=auc%3E0.4+baseline");
      await page.reload();
      await expect.poll(() => rowNames(page)).toEqual(["baseline"]);
      await page.getByPlaceholder(/Search/).fill("");
      await page.getByRole("button", { name: "Failed" }).click();
      await expect.poll(() => rowNames(page)).toEqual(["broken"]);
      await page.goBack();
      await expect.poll(() => rowNames(page)).toHaveLength(3);
    });
  });

  it("shows runs as they start and end, without being asked", async () => {
    await look(world, "/", async (page) => {
      await page.getByRole("link", { name: "baseline" }).waitFor();
      const { run_id } = await world.start("live one", { pause: 0.4, rates: [3, 4] });
      const row = page.locator("tr", { hasText: "live one" });
      await row.getByText("Running").waitFor();
      await row.getByText("Succeeded").waitFor();
      await world.wait(run_id);
      await world.api.deleteRun(run_id);
      await row.waitFor({ state: "detached" });
    });
  });

  it("compares runs: what differs, and their curves in one frame", async () => {
    await look(world, "/", async (page) => {
      await page.getByLabel("Choose baseline").check();
      await page.getByLabel("Choose slow rates").check();
      await page.getByRole("link", { name: "Compare" }).click();
      await page.getByRole("heading", { name: "Compare runs" }).waitFor();
      await page.getByRole("row", { name: "rates [1,2] [0.1,0.2,0.4]" }).waitFor();
      await expect.poll(() => page.locator("svg.plot .curve").count()).toBe(2);
      expect(await page.locator(".durations li").first().textContent()).toMatch(/slow rates: .*baseline: /);
      await page.reload();
      await expect.poll(() => page.locator("svg.plot .curve").count()).toBe(2);
    });
  });
});

describe("a run", () => {
  it("shows its graph: boxes open and close, and loops show one iteration after the other", async () => {
    await look(world, `/runs/${ids.baseline}`, async (page) => {
      await page.getByRole("link", { name: /make-data/ }).waitFor();
      await page.getByRole("button", { name: "Collapse all" }).click();
      await page.getByRole("link", { name: /make-data/ }).waitFor({ state: "detached" });
      const loop = page.getByRole("button", { name: /for-loop-1/ });
      expect(await loop.textContent()).toMatch(/3 succeeded.*loop × 3/);
      await loop.click();
      await page.getByLabel("Iteration of for-loop-1").selectOption({ label: "Iteration 3 of 3" });
      await page.getByRole("link", { name: /train/ }).click();
      await page.getByRole("complementary").getByText("for-loop-1[2]/train").waitFor();
      expect(await page.getByRole("complementary").textContent()).toContain("0.4");
    });
  });

  it("shows the failing line of Python, and leads to it from the head", async () => {
    await look(world, `/runs/${ids.broken}`, async (page) => {
      await page.getByRole("alert").getByRole("link").click();
      const panel = page.getByRole("complementary");
      await panel.getByText("ValueError", { exact: true }).waitFor();
      expect(await panel.locator(".failing").textContent()).toContain(
        "return sum(float(row[at]) for row in rows)",
      );
      await panel.getByText("Traceback", { exact: true }).click();
      expect(await panel.locator("pre.code").last().textContent()).toContain("ValueError");
    });
  });

  it("shows retries, and a coloured log that is searched", async () => {
    await look(world, `/runs/${ids.baseline}?task=flaky`, async (page) => {
      const panel = page.getByRole("complementary");
      expect(await panel.locator(".attempts li").first().textContent()).toContain(
        "the registry did not answer",
      );
      await page.goto(`${world.server.url}/runs/${ids.baseline}?task=prepare/make-data&view=log`);
      await panel.locator(".log-lines .fg2", { hasText: "wrote" }).waitFor();
      await page.goto(`${world.server.url}/runs/${ids.baseline}?task=for-loop-1%5B0%5D/train&view=log`);
      await panel.getByPlaceholder("Search the log").fill("STEP 1");
      await panel.getByText("1 of 10").waitFor();
      await panel.getByRole("button", { name: "Next hit" }).click();
      await panel.getByText("2 of 10").waitFor();
      expect(await panel.locator("li.current mark").textContent()).toBe("step 1");
    });
  });

  it("shows when tasks ran and what the run waited for", async () => {
    await look(world, `/runs/${ids.baseline}?tab=timeline`, async (page) => {
      await page.getByText(/Critical path: \d tasks/).waitFor();
      expect(await page.locator(".bar.critical").count()).toBeGreaterThan(2);
      await page.getByRole("link", { name: /evaluate/ }).click();
      await page.getByRole("complementary").getByRole("heading", { name: "evaluate" }).waitFor();
    });
  });

  it("shows artifacts as what they are, and their lineage both ways, into other runs too", async () => {
    await look(world, `/runs/${ids.baseline}?tab=artifacts`, async (page) => {
      await page.getByText(/^AUC 0\.\d+$/).waitFor();
      await page.getByRole("cell", { name: /^90/ }).waitFor();
      await page.getByRole("link", { name: /^table/ }).click();
      await page
        .getByRole("row", { name: /^colour text \d+ .* 3 green|^colour text/ })
        .first()
        .waitFor();
      expect(await page.getByText("200 rows, 3 columns").count()).toBe(1);
      const lineage = page.getByRole("region", { name: "Lineage" });
      expect(await lineage.textContent()).toMatch(/prepare\/make-data.*table.*for-loop-1\[0\]\/train/);
      const others = page.getByRole("region", { name: "In other runs" });
      const made = others.getByRole("listitem").filter({ hasText: "from the cache" }).first();
      expect(await made.textContent()).toMatch(/prepare\/make-data\s*of broken/);
      expect(await others.textContent()).toMatch(/Used by.*condition-2\/explode\s*of broken/);
      await made.getByRole("link").click();
      await page.getByRole("heading", { name: "broken" }).waitFor();
      await page.getByText("200 rows, 3 columns").waitFor();
    });
  });

  it("frames pages of artifacts without scripts, network or origin", async () => {
    const watch = await new Promise<readonly string[]>((resolve, reject) => {
      look(
        world,
        `/runs/${ids.baseline}?tab=artifacts&artifact=publish:notes:0`,
        async (page, { complaints }) => {
          await page.frameLocator("iframe").getByText("0.651").first().waitFor();
          expect(await page.frameLocator("iframe").locator("td").allTextContents()).toEqual(["1", "2"]);
          await page.getByRole("link", { name: /^page/ }).click();
          await page.frameLocator("iframe").getByRole("heading", { name: "Report" }).waitFor();
          expect(await page.title()).toBe("baseline · Sealflow");
          // The browser says what it has held back: that is what these complaints are.
          resolve(complaints.splice(0));
        },
      ).catch(reject);
    });
    expect(watch.join("\n")).toMatch(/Blocked script execution|Content Security Policy/);
  });
});

describe("actions", () => {
  it("deletes what was chosen, run by run, and says how far it is", async () => {
    const names = ["first to go", "second to go", "third to go"];
    for (const name of names) await world.run(name);
    await look(world, "/", async (page) => {
      for (const name of names) await page.getByLabel(`Choose ${name}`).check();
      await page.route("**/apis/v2beta1/runs/*", async (route) => {
        await new Promise((resolve) => setTimeout(resolve, 100));
        await route.continue();
      });
      await page.getByRole("button", { name: "Delete" }).click();
      const dialog = page.getByRole("dialog", { name: "Delete 3 runs?" });
      await dialog.getByRole("button", { name: "Delete" }).click();
      await page.getByText("Deleting, 2 of 3").waitFor();
      await page.getByText("3 runs deleted").waitFor();
      for (const name of names) await page.getByRole("link", { name }).waitFor({ state: "detached" });
    });
  });

  it("runs again with changed parameters, after saying which of them do not fit", async () => {
    await look(world, `/runs/${ids.baseline}`, async (page) => {
      await page.getByRole("link", { name: "Run again" }).click();
      await page.getByLabel(/^rows/).fill("many");
      await page.getByLabel(/^rates/).fill("[0.5, 0.6]");
      await page.getByRole("button", { name: "Start" }).click();
      await page.getByText("A whole number is expected").waitFor();
      await page.getByLabel(/^rows/).fill("50");
      await page.getByLabel("Name", { exact: true }).fill("changed");
      await page.getByRole("button", { name: "Start" }).click();
      await page.getByRole("heading", { name: "changed" }).waitFor();
      await page.locator(".run-facts").getByText("Succeeded").waitFor();
    });
    const changed = (await allRuns(world.api)).find(({ display_name }) => display_name === "changed");
    expect(changed?.runtime_config?.parameters).toMatchObject({ rows: 50, rates: [0.5, 0.6], fail: false });
  });

  it("cancels, resumes and deletes a run", async () => {
    const { run_id } = await world.start("long one", { pause: 30, rates: [7] });
    await look(world, `/runs/${run_id}`, async (page) => {
      await page.locator(".leaf.running", { hasText: "train" }).waitFor();
      await page.getByRole("button", { name: "Cancel" }).click();
      await page.locator(".run-facts").getByText("Canceled").waitFor();
      await page.getByRole("button", { name: "Resume" }).click();
      await page.locator(".leaf.running", { hasText: "train" }).waitFor();
      await page.getByRole("button", { name: "Cancel" }).click();
      await page.locator(".run-facts").getByText("Canceled").waitFor();
      await page.getByRole("button", { name: "Delete the run" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
      await page.getByRole("heading", { name: "Runs" }).waitFor();
      await page.getByRole("link", { name: "long one" }).waitFor({ state: "detached" });
    });
  });

  it("uploads a pipeline and schedules it", async () => {
    await look(world, "/pipelines", async (page) => {
      const file = new URL("./testdata/showcase/showcase.yaml", import.meta.url).pathname;
      await page
        .locator('input[type="file"]')
        .first()
        .setInputFiles({
          ...{ name: "uploaded.yaml", mimeType: "text/yaml" },
          buffer: readFileSync(file),
        });
      const line = page.locator("li", { has: page.getByText("uploaded", { exact: true }) });
      await line.getByRole("link", { name: "Schedule" }).click();
      await page.getByLabel("How many").fill("2");
      await page.getByLabel("Unit").selectOption("hours");
      await page.getByRole("button", { name: "Schedule" }).click();
      await page.getByText("every 2 hours").waitFor();
      await page.getByRole("button", { name: "Turn off" }).click();
      await page.getByText("off", { exact: true }).waitFor();
    });
    const { recurringRuns: [schedule] = [] } = await world.api.listRecurringRuns();
    expect(schedule?.trigger.periodic_schedule?.interval_second).toBe("7200");
    expect(schedule?.status).toBe("DISABLED");
  });
});

describe("for everybody", () => {
  const pages = () => ({
    runs: "/",
    graph: `/runs/${ids.baseline}`,
    failure: `/runs/${ids.broken}?task=condition-2/explode`,
    log: `/runs/${ids.baseline}?task=prepare/make-data&view=log`,
    timeline: `/runs/${ids.baseline}?tab=timeline`,
    table: `/runs/${ids.baseline}?tab=artifacts&artifact=prepare/make-data:table:0`,
    curve: `/runs/${ids.baseline}?tab=artifacts`,
    parameters: `/runs/${ids.baseline}?tab=parameters`,
    trust: `/runs/${ids.baseline}?tab=trust`,
    compare: `/compare?runs=${ids.baseline},${ids["slow rates"]}`,
    again: `/new?run=${ids.baseline}`,
    pipelines: "/pipelines",
    schedules: "/schedules",
    missing: "/nowhere",
  });

  it.each(["light", "dark"] as const)("has nothing that axe finds wrong, in %s", async (theme) => {
    await look(
      world,
      "/",
      async (page) => {
        // What the theme changes is colours: all else was looked at in the light.
        const rules = theme === "dark" ? ["color-contrast"] : [];
        for (const [name, path] of Object.entries(pages())) {
          await page.goto(world.server.url + path);
          await page.locator("main h1, main h2").first().waitFor();
          await page.locator("[role=status] .bone").first().waitFor({ state: "detached" });
          expect(await violationsOf(page, rules), name).toEqual([]);
        }
      },
      { theme },
    );
  });

  it("fits a phone: no page is wider than the screen", async () => {
    await look(world, "/", async (page) => {
      await page.setViewportSize({ width: 390, height: 780 });
      for (const [name, path] of Object.entries(pages())) {
        await page.goto(world.server.url + path);
        await page.locator("main h1, main h2").first().waitFor();
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        expect(wider, name).toBeLessThanOrEqual(0);
      }
    });
  });

  it("is used with the keyboard alone", async () => {
    await look(world, "/", async (page) => {
      await page.getByRole("link", { name: "baseline" }).waitFor();
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await page.getByRole("link", { name: "baseline" }).focus();
      await page.keyboard.press("Enter");
      await page.getByRole("link", { name: /evaluate/ }).focus();
      await page.keyboard.press("Enter");
      await page.getByRole("complementary").getByRole("heading", { name: "evaluate" }).waitFor();
      await page.getByRole("tab", { name: "Log" }).focus();
      await page.keyboard.press("Enter");
      await page.getByText("Nothing was printed.").waitFor();
    });
  });

  it("loads at most 150 KB of compressed script for the list of runs", async () => {
    const directory = await builtPages();
    const scripts: string[] = [];
    await look(world, "/", async (page, { requests }) => {
      await page.getByRole("link", { name: "baseline" }).waitFor();
      scripts.push(...requests.filter((url) => url.endsWith(".js")));
    });
    const bytes = scripts.map((url) => gzipSync(readFileSync(join(directory, new URL(url).pathname))).length);
    expect(bytes.length).toBeGreaterThan(0);
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(150_000);
  });
});
