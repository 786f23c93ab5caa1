/** A server with the UI built from its sources, a store of its own, and a browser that looks at it. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { allPages, KfpClient, type Run } from "@sealflow/kfp";
import { type RunningServer, type ServerOptions, startServer } from "@sealflow/server";
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { withPage } from "../../../../test-support/browser.js";

const showcase = fileURLToPath(new URL("../testdata/showcase/showcase.yaml", import.meta.url));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Everything that a test needs. */
export interface World {
  readonly server: RunningServer;
  readonly api: KfpClient;
  readonly directory: string;
  /** Starts a run of the showcase pipeline and waits for its end. */
  run(name: string, parameters?: Record<string, unknown>): Promise<Run>;
  /** Starts a run without waiting. */
  start(name: string, parameters?: Record<string, unknown>): Promise<Run>;
  wait(id: string): Promise<Run>;
  close(): Promise<void>;
}

let built: Promise<string> | undefined;

/** Builds the UI once per process. */
export function builtPages(): Promise<string> {
  built ??= (async () => {
    const directory = mkdtempSync(join(tmpdir(), "sealflow-pages-"));
    process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
    const { buildPages } = (await import(new URL("../../build.mjs", import.meta.url).href)) as {
      buildPages: (outDir: string) => Promise<void>;
    };
    await buildPages(directory);
    return directory;
  })();
  return built;
}

/** A server over a fresh store. */
export async function createWorld(options: Partial<ServerOptions> = {}): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), "sealflow-web-"));
  const environments = join(tmpdir(), "sealflow-web-environments");
  mkdirSync(environments, { recursive: true });
  const server = await startServer({
    ...{ port: 0, directory, pagesDirectory: await builtPages(), requestsPerSecond: 1e5 },
    engine: { containers: "host", environmentsDirectory: environments },
    ...options,
  });
  const api = new KfpClient({ baseUrl: server.url });
  let pipeline: string | undefined;
  const start: World["start"] = async (name, parameters = {}) => {
    pipeline ??= (
      await api.uploadPipeline({
        content: readFileSync(showcase, "utf8"),
        fileName: "showcase.yaml",
        name: "showcase",
      })
    ).pipeline_id;
    return api.createRun({
      display_name: name,
      pipeline_version_reference: { pipeline_id: pipeline },
      runtime_config: { parameters: JSON.parse(JSON.stringify(parameters)) },
    });
  };
  const wait: World["wait"] = (id) => api.waitForRun(id, () => sleep(50));
  return {
    ...{ server, api, directory, start, wait },
    run: async (name, parameters) => wait((await start(name, parameters)).run_id),
    close: async () => {
      await server.close();
      rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** Addresses that a page has asked for, and what it complained about. */
export interface Watch {
  readonly requests: string[];
  readonly complaints: string[];
}

/** Opens a page of the UI; after the work nothing may have been asked of anybody else, and nothing may have gone wrong. */
export async function look(
  world: World,
  path: string,
  work: (page: Page, watch: Watch) => Promise<void>,
  { theme = "light" }: { theme?: "light" | "dark" } = {},
): Promise<void> {
  await withPage(async (page) => {
    const watch: Watch = { requests: [], complaints: [] };
    page.context().on("requestfinished", (request) => watch.requests.push(request.url()));
    page.context().on("requestfailed", (request) => {
      // What a page's policy holds back goes nowhere.
      if (request.failure()?.errorText !== "csp") watch.requests.push(request.url());
    });
    page.on("pageerror", (error) => watch.complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") watch.complaints.push(message.text());
    });
    page.setDefaultTimeout(20_000);
    await page.emulateMedia({ colorScheme: theme });
    await page.setViewportSize({ width: 1280, height: 860 });
    await page.goto(world.server.url + path);
    await work(page, watch);
    const foreign = watch.requests.filter(
      (url) => !url.startsWith(world.server.url) && !/^(blob|data):/.test(url),
    );
    expect(foreign).toEqual([]);
    expect(watch.complaints).toEqual([]);
  });
}

/**
 * What axe finds wrong with a page by WCAG 2.2 A and AA, as one line per kind.
 *
 * @param rules These rules only; all when empty.
 */
export async function violationsOf(page: Page, rules: readonly string[] = []): Promise<readonly string[]> {
  // The page's policy allows no script of others: axe comes in past it, through the debugger.
  await page.evaluate(axe);
  const found = await page.evaluate(async (rules) => {
    const { axe: runner } = globalThis as unknown as {
      axe: {
        run: (
          options: unknown,
        ) => Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }>;
      };
    };
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
    const { violations } = await runner.run({
      runOnly: rules.length > 0 ? { type: "rule", values: rules } : { type: "tag", values: tags },
      ...{ iframes: false, resultTypes: ["violations"] },
    });
    return violations.map(
      ({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 160)} ${nodes[0]?.failureSummary.slice(0, 300)}`,
    );
  }, rules);
  return found;
}

/** All runs of a server. */
export async function allRuns(api: KfpClient): Promise<readonly Run[]> {
  const found: Run[] = [];
  for await (const { runs = [] } of allPages((pageToken) =>
    api.listRuns(pageToken === undefined ? {} : { pageToken }),
  )) {
    found.push(...runs);
  }
  return found;
}
