import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll } from "vitest";

const candidates = [process.env.SEALFLOW_CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"];

/** Without these Chromium looks for its update and sync services at every start. */
const quiet = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

let launched: Promise<Browser> | undefined;

/** One for a whole file of tests: each page has a profile of its own all the same. */
function browser(): Promise<Browser> {
  const executablePath = candidates.find((path) => path && existsSync(path));
  if (executablePath === undefined) throw new Error("chromium: npm run setup -- --lane browser installs it");
  launched ??= chromium.launch({ executablePath, headless: true, args: quiet });
  return launched;
}
afterAll(async () => (await launched)?.close());

/** Opens a page in the installed Chromium, with a profile of its own, and closes it after the work. */
export async function withPage<T>(work: (page: Page) => Promise<T>): Promise<T> {
  const context = await (await browser()).newContext();
  try {
    return await work(await context.newPage());
  } finally {
    await context.close();
  }
}
