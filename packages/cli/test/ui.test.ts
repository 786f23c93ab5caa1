import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, it } from "vitest";
import { runCli } from "../src/app.js";
import { browserCommand } from "../src/commands/open-browser.js";
import { fakeContext } from "./support/fake-context.js";

const cwd = mkdtempSync(join(tmpdir(), "sealflow-ui-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

/** Starts a command and waits until it has said where its pages are. */
async function started(...command: readonly string[]) {
  const { context, written } = fakeContext({ cwd });
  const ended = runCli(command, context);
  while (!written.stdout.includes("\n")) await Promise.race([sleep(10), ended]);
  return { context, written, ended };
}

it("starts a server where none is there, and finds it the next time", async () => {
  const first = await started("ui", "--port", "0", "--json");
  const { url, started: own } = JSON.parse(first.written.stdout);
  expect(own).toBe(true);
  const { context, written } = fakeContext({ cwd });
  expect(await runCli(["ui", "--json"], context)).toBe(0);
  expect(JSON.parse(written.stdout)).toEqual({ url, started: false });
  first.context.interrupt();
  expect(await first.ended).toBe(0);
});

it("finds the server of `sealflow serve`", async () => {
  const server = await started("serve", "--port", "0", "--json");
  const { context, written } = fakeContext({ cwd });
  expect(await runCli(["ui", "--no-open"], context)).toBe(0);
  expect(written.stdout).toBe(`${JSON.parse(server.written.stdout).url}/\n`);
  server.context.interrupt();
  await server.ended;
});

it("does not believe the address that a killed server left", async () => {
  mkdirSync(join(cwd, ".sealflow", "server"), { recursive: true });
  const left = { formatVersion: 1, url: "http://127.0.0.1:9", pid: 2 ** 22 + 1 };
  writeFileSync(join(cwd, ".sealflow", "server", "address.json"), JSON.stringify(left));
  const { context, written, ended } = await started("ui", "--port", "0", "--no-open");
  expect(written.stdout).toMatch(/^http:\/\/127\.0\.0\.1:(?!9\/)\d+\/\nServing until Ctrl-C\n/);
  context.interrupt();
  expect(await ended).toBe(0);
});

it("says which run is unknown before it starts anything", async () => {
  const { context, written } = fakeContext({ cwd });
  expect(await runCli(["ui", "nothing"], context)).toBe(2);
  expect(written.stderr).toContain("error[CLI_RUN_UNKNOWN]");
});

it.each([
  ["linux", {}, undefined],
  ["linux", { DISPLAY: ":0" }, ["xdg-open"]],
  ["linux", { WAYLAND_DISPLAY: "wayland-0" }, ["xdg-open"]],
  ["darwin", {}, ["open"]],
  ["win32", {}, ["cmd", "/c", "start", ""]],
] as const)("opens pages on %s with %j by %j", (platform, env, command) => {
  expect(browserCommand(platform, env)).toEqual(command);
});
