import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Page } from "playwright-core";

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

/** Opens a page in the installed Chromium, with a profile of its own, and closes it after the work. */
export async function withPage<T>(work: (page: Page) => Promise<T>): Promise<T> {
  const executablePath = candidates.find((path) => path && existsSync(path));
  if (executablePath === undefined) throw new Error("chromium: npm run setup -- --lane browser installs it");
  const profile = mkdtempSync(join(tmpdir(), "sealflow-browser-"));
  try {
    const browser = await chromium.launchPersistentContext(profile, {
      executablePath,
      headless: true,
      args: quiet,
    });
    try {
      return await work(await browser.newPage());
    } finally {
      await browser.close();
    }
  } finally {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
