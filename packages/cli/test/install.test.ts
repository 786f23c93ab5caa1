/** What users install: the packed npm packages and the Python wheel, together, in an empty directory. */
import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testPython } from "../../../test-support/python.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
/** The command line's package, and all of ours that it needs, each after those that it needs itself. */
const rooms = withDependencies("cli", new Set<string>());
const built = rooms.every((room) => existsSync(join(root, "packages", room, "dist", "index.js")));
const bundled = existsSync(join(root, "packages/cli/dist/bundle/bin.js"));

function withDependencies(room: string, found: Set<string>): readonly string[] {
  const manifest = JSON.parse(readFileSync(join(root, "packages", room, "package.json"), "utf8"));
  for (const name of Object.keys(manifest.dependencies)) {
    if (name.startsWith("@sealflow/")) withDependencies(name.slice("@sealflow/".length), found);
  }
  return [...found.add(room)];
}

let directory: string;
const run = async (cwd: string, command: string, ...args: string[]) => {
  // The project's own program and environment, not those of this checkout.
  const { SEALFLOW_PYTHON_SOURCES: _, PYTHONPATH: __, ...env } = process.env;
  const { stdout } = await promisify(execFile)(command, args, { cwd, env, maxBuffer: 2 ** 26 });
  return stdout;
};

/** Packs copies, because packing adds the Python side to the engine's directory for a moment. */
async function packAll(): Promise<string[]> {
  const stage = join(directory, "stage");
  const wanted = (path: string) => !/node_modules|\/test\/|__pycache__|\.tsbuildinfo$/.test(path);
  for (const part of ["tools", "python", ...rooms.map((room) => `packages/${room}`)]) {
    cpSync(join(root, part), join(stage, part), { recursive: true, filter: wanted });
  }
  mkdirSync(join(directory, "packed"));
  for (const room of rooms) {
    await run(join(stage, "packages", room), "npm", "pack", "--pack-destination", join(directory, "packed"));
  }
  return readdirSync(join(directory, "packed")).map((file) => join(directory, "packed", file));
}

describe.skipIf(!built || !bundled)("installed in an empty directory", () => {
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "sealflow-install-"));
    const packed = await packAll();
    mkdirSync(join(directory, "tool"));
    writeFileSync(join(directory, "tool", "package.json"), '{"private":true}');
    await run(join(directory, "tool"), "npm", "install", "--no-audit", "--no-fund", ...packed);
    await run(join(directory, "tool"), "npx", "sealflow", "init", "../project");
    // The registry does not have this version yet: the project takes the packed files.
    const manifest = join(directory, "project", "package.json");
    const { devDependencies, ...rest } = JSON.parse(readFileSync(manifest, "utf8"));
    writeFileSync(
      manifest,
      JSON.stringify({ ...rest, devDependencies: { typescript: devDependencies.typescript } }),
    );
    await run(
      join(directory, "project"),
      "npm",
      "install",
      "--no-audit",
      "--no-fund",
      "--save-dev",
      ...packed,
    );
    await run(directory, testPython(), "-m", "venv", "venv");
    await run(
      directory,
      testPython(),
      "-m",
      "pip",
      "wheel",
      "-q",
      "--no-deps",
      "-w",
      "wheels",
      join(directory, "stage/python"),
    );
    const [wheel = ""] = readdirSync(join(directory, "wheels"));
    await run(
      directory,
      "venv/bin/python",
      "-m",
      "pip",
      "install",
      "-q",
      join("wheels", wheel),
      "pytest==9.1.1",
    );
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it("the project runs", async () => {
    const { state, outputs } = JSON.parse(
      await run(join(directory, "project"), "npx", "sealflow", "run", "--json"),
    );
    expect([state, outputs.rows]).toEqual(["SUCCEEDED", 1000]);
  });

  it("its generated components are current and its types hold", async () => {
    expect(await run(join(directory, "project"), "npm", "run", "check")).toContain("1 up to date");
  });

  it("its own tests pass", async () => {
    expect(await run(join(directory, "project"), "npm", "test")).toMatch(/pass 1\b/);
    expect(await run(join(directory, "project"), "../venv/bin/python", "-m", "pytest", "-q")).toContain(
      "1 passed",
    );
  });
});

describe.skipIf(!built || !bundled)("a project that a checkout made", () => {
  it("installs and runs, linked to the checkout", async () => {
    const scratch = mkdtempSync(join(tmpdir(), "sealflow-linked-"));
    try {
      await run(scratch, process.execPath, join(root, "packages/cli/bin/sealflow.js"), "init", "project");
      const project = join(scratch, "project");
      await run(project, "npm", "install", "--no-audit", "--no-fund");
      expect(await run(project, "npm", "run", "check")).toContain("1 up to date");
      expect(JSON.parse(await run(project, "npx", "sealflow", "run", "--json")).state).toBe("SUCCEEDED");
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  });
});
