import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { withHostShell } from "../src/executors/host-shell.js";
import { temporaryDirectory } from "./temporary.js";

/** A directory of programs, for a PATH; `sh` is a link to one of them. */
function machine(shell: string, ...others: string[]): string {
  const directory = join(temporaryDirectory(), "bin");
  mkdirSync(directory);
  for (const name of [shell, ...others]) writeFileSync(join(directory, name), "");
  if (shell !== "sh") symlinkSync(shell, join(directory, "sh"));
  return directory;
}

describe("withHostShell", () => {
  it("takes bash where sh is dash", () => {
    const path = machine("dash", "bash");
    expect(withHostShell(["sh", "-c", "x"], path)).toEqual([join(path, "bash"), "--posix", "-c", "x"]);
  });

  it("leaves the command where there is no bash, sh is another shell, or it calls something else", () => {
    for (const path of [machine("dash"), machine("busybox", "bash"), "/nowhere"])
      expect(withHostShell(["sh", "-c", "x"], path)).toEqual(["sh", "-c", "x"]);
    expect(withHostShell(["echo", "sh"], machine("dash", "bash"))).toEqual(["echo", "sh"]);
    expect(withHostShell([], "")).toEqual([]);
  });
});
