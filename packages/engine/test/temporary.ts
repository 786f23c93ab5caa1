import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import { discard } from "../src/store/artifacts.js";

const made: string[] = [];

/** A fresh directory that goes away after the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "sealflow-engine-"));
  made.push(directory);
  return directory;
}

/** A fresh directory that whoever asked for it removes: for what is shared by the tests of a file. */
export function keptDirectory(name: string): string {
  return mkdtempSync(join(tmpdir(), `sealflow-engine-${name}-`));
}

afterEach(() => {
  for (const directory of made.splice(0)) discard(directory);
});
