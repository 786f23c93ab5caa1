/** Sealed runs that are killed: the built program, its worker, or everything at once. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const program = fileURLToPath(new URL("../bin/sealflow.js", import.meta.url));
const built = existsSync(fileURLToPath(new URL("../dist/bundle/bin.js", import.meta.url)));
const rounds = process.env.SEALFLOW_SLOW ? 60 : 4;
const secrets = ["marker-row", "471147114711", "PAR1id,name", "gradient_booster", "secret-weights"];
/** Of this process alone: shared memory is searched for it, where other runs have theirs. */
const own = `marker-row-${process.pid}-${Date.now()}`;

let directory: string;
let scratch: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sealflow-crash-"));
  scratch = mkdtempSync(join(tmpdir(), "sealflow-crash-tmp-"));
  cpSync(fileURLToPath(new URL("testdata/sealed", import.meta.url)), directory, { recursive: true });
  writeFileSync(join(directory, "package.json"), "{}");
  writeFileSync(
    join(directory, "rows.csv"),
    `id,name,income\n1,${own},471147114711\n2,marker-row-two,471247124712`,
  );
});
afterEach(() => {
  for (const each of [directory, scratch]) rmSync(each, { recursive: true, force: true, maxRetries: 5 });
});

const env = () => ({ ...process.env, TMPDIR: scratch });
const runArguments = [
  "run",
  "pipeline.ts",
  "--sealed",
  "--json",
  "--declassify",
  "train/Output",
  "--param",
  "seconds=0.3",
];

function sealflow(...args: string[]) {
  return spawnSync(process.execPath, [program, ...args], { cwd: directory, encoding: "utf8", env: env() });
}

function start(...args: string[]): { readonly child: ChildProcess; readonly ended: Promise<number | null> } {
  const child = spawn(process.execPath, [program, ...args], { cwd: directory, env: env(), stdio: "ignore" });
  return { child, ended: new Promise((resolve) => child.on("close", resolve)) };
}

function files(root: string): string[] {
  try {
    return readdirSync(root, { recursive: true, encoding: "utf8" })
      .map((name) => join(root, name))
      .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
  } catch {
    return [];
  }
}

function leaks(): string[] {
  const onDisk = [join(directory, ".sealflow"), scratch]
    .flatMap(files)
    .filter((path) => holds(path, secrets));
  return [...onDisk, ...files("/dev/shm").filter((path) => holds(path, [own]))];
}

function holds(path: string, texts: readonly string[]): boolean {
  try {
    const content = readFileSync(path);
    return texts.some((text) => content.includes(text));
  } catch {
    return false;
  }
}

/** Processes below one, the youngest last. */
function descendants(pid: number): number[] {
  try {
    const tasks = readdirSync(`/proc/${pid}/task`);
    const children = tasks.flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
    return children.flatMap((child) => [child, ...descendants(child)]);
  } catch {
    return [];
  }
}

/** True for the process that removes tasks' memory when their worker is gone. */
function isWatcher(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("sealflow-memory");
  } catch {
    return false;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

/** What is left in memory goes within a moment, since nobody is left to ask for it. */
async function expectNoTrace(): Promise<void> {
  for (let wait = 0; wait < 50 && leaks().length > 0; wait++) await sleep(100);
  expect(leaks()).toEqual([]);
}

describe.skipIf(!built)("a sealed run that is killed", () => {
  it(`leaves no plaintext, and goes on to its end (${rounds} kills)`, { timeout: 600_000 }, async () => {
    const whole = sealflow(...runArguments);
    expect(whole.status, whole.stderr).toBe(0);
    let begun = false;
    const killed = async (victimsOf: (program: number, below: readonly number[]) => readonly number[]) => {
      const args = begun ? ["resume", "latest", "--json"] : [...runArguments, "--no-cache"];
      const { child, ended } = start(...args);
      await sleep(300 + Math.random() * 2500);
      const program = child.pid ?? 0;
      for (const pid of victimsOf(program, descendants(program))) kill(pid);
      const code = await ended;
      const [newest] = JSON.parse(sealflow("runs", "list", "--json").stdout).runs;
      begun = code !== 0 && newest?.state === "INTERRUPTED";
    };
    // In turns: the program alone, its worker alone, everything at once but what cleans up after it.
    const ways: Parameters<typeof killed>[0][] = [
      (program) => [program],
      (_, below) => below.slice(0, 1),
      (program, below) => [program, ...below.filter((pid) => !isWatcher(pid))],
    ];
    for (let round = 0; round < rounds; round++) {
      await killed(ways[round % ways.length] ?? (() => []));
      await expectNoTrace();
    }
    // When even that is killed, the next run removes what is left.
    await killed((program, below) => [program, ...below]);
    const last = begun ? sealflow("resume", "latest", "--json") : sealflow(...runArguments, "--no-cache");
    expect(last.status, last.stderr).toBe(0);
    expect(JSON.parse(last.stdout).state).toBe("SUCCEEDED");
    await expectNoTrace();
    expect(sealflow("bundle", "latest", "-o", "run.bundle").status).toBe(0);
    expect(sealflow("verify", "run.bundle").status).toBe(0);
  });
});
