import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, it } from "vitest";
import { runCli } from "../src/app.js";
import { fakeContext } from "./support/fake-context.js";

const cwd = mkdtempSync(join(tmpdir(), "sealflow-serve-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

/** Starts `sealflow serve` and waits until it has said where. */
async function serving(...flags: readonly string[]) {
  const { context, written } = fakeContext({ cwd });
  const ended = runCli(["serve", "--port", "0", ...flags], context);
  while (!written.stdout.includes("\n")) await Promise.race([sleep(10), ended]);
  return { context, written, ended };
}

it("serves until it is interrupted, and says with --json where", async () => {
  const { context, written, ended } = await serving("--json");
  const { url, tokenRequired } = JSON.parse(written.stdout);
  expect(tokenRequired).toBe(false);
  const answer = await fetch(`${url}/apis/v2beta1/healthz`);
  expect(await answer.json()).toEqual({ multi_user: false, pipeline_store: "database" });
  context.interrupt();
  expect(await ended).toBe(0);
  await expect(fetch(`${url}/apis/v2beta1/healthz`)).rejects.toThrow();
});

it("shows a new token once, and says the next time that there is one", async () => {
  const first = await serving("--require-token");
  expect(first.written.stdout).toMatch(/Token, shown this once: [A-Za-z0-9_-]{43}\n/);
  first.context.interrupt();
  expect(await first.ended).toBe(0);
  const second = await serving("--require-token");
  second.context.interrupt();
  await second.ended;
  expect(second.written.stdout).toContain("the token that an earlier start showed");
});

it("refuses a store that another server has open", async () => {
  const first = await serving();
  const { context, written } = fakeContext({ cwd });
  expect(await runCli(["serve", "--port", "0"], context)).toBe(1);
  expect(written.stderr).toContain("error[SERVER_STORE_BUSY]");
  first.context.interrupt();
  await first.ended;
});
