import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sweepMemory } from "../src/sealed/leftovers.js";
import { temporaryDirectory } from "./temporary.js";

/** When this process started, in clock ticks since boot. */
const started = readFileSync("/proc/self/stat", "latin1").split(") ")[1]?.split(" ")[19] ?? "";
const random = "0123456789abcdef";

/** The number of a process that has ended. */
const ended = execFileSync("sh", ["-c", "echo $$"], { encoding: "utf8" }).trim();

describe("memory that killed sealed tasks left", () => {
  it("is removed when its process is gone, also what was made read-only; nothing else is", () => {
    const root = temporaryDirectory();
    const make = (name: string) => {
      mkdirSync(join(root, name, "inputs"), { recursive: true });
      writeFileSync(join(root, name, "inputs/0"), "rows");
      return join(root, name);
    };
    const gone = make(`sealflow-${ended}-12345-${random}`);
    chmodSync(join(gone, "inputs"), 0o500);
    // The number is in use again, by a process that started at another time.
    const reused = make(`sealflow-${process.pid}-1-${random}`);
    const kept = [
      make(`sealflow-${process.pid}-${started}-${random}`),
      make(`sealflow-${ended}-12345`),
      make(`other-${ended}-12345-${random}`),
    ];
    const elsewhere = make("elsewhere");
    const link = join(root, `sealflow-${ended}-99-${random}`);
    symlinkSync(elsewhere, link);
    expect(sweepMemory(root)).toBe(2);
    expect([gone, reused].filter((path) => existsSync(path))).toEqual([]);
    expect([...kept, link, join(elsewhere, "inputs/0")].filter((path) => !existsSync(path))).toEqual([]);
    expect(sweepMemory(join(root, "missing"))).toBe(0);
  });

  it("of another user stays", { skip: process.getuid?.() !== 0 }, () => {
    const root = temporaryDirectory();
    const name = join(root, `sealflow-${ended}-12345-${random}`);
    mkdirSync(name);
    execFileSync("chown", ["12345", name]);
    expect(sweepMemory(root)).toBe(0);
    expect(existsSync(name)).toBe(true);
  });
});
