import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { testPython } from "../../../test-support/python.js";
import { textDigest } from "../src/cache/key.js";
import { ensureEnvironment } from "../src/environments/builder.js";
import { bareNeeds, type EnvironmentNeeds, environmentDigest } from "../src/environments/environment.js";
import { findInterpreter } from "../src/environments/interpreter.js";
import { temporaryDirectory } from "./temporary.js";

/** A wheel made by hand: installing it needs no network and no build tool. */
function wheel(directory: string, name: string): string {
  const file = join(directory, `${name}-1.0-py3-none-any.whl`);
  const script = `
import sys, zipfile
name, file = sys.argv[1:]
with zipfile.ZipFile(file, "w") as z:
    z.writestr(f"{name}.py", "VALUE = 42\\n")
    z.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n")
    z.writestr(f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    z.writestr(f"{name}-1.0.dist-info/RECORD", f"{name}.py,,\\n{name}-1.0.dist-info/METADATA,,\\n{name}-1.0.dist-info/WHEEL,,\\n{name}-1.0.dist-info/RECORD,,\\n")
`;
  execFileSync(testPython(), ["-c", script, name, file]);
  return file;
}

async function setUp(needs: EnvironmentNeeds = bareNeeds) {
  const directory = temporaryDirectory();
  const environmentsDirectory = join(directory, "envs");
  const search = { python: testPython(), environment: process.env, cacheDirectory: environmentsDirectory };
  const interpreter = await findInterpreter(search);
  const request = async (changed: EnvironmentNeeds = needs) => ({
    digest: await environmentDigest(changed, interpreter),
    needs: changed,
    interpreter,
    environmentsDirectory,
  });
  return { directory, environmentsDirectory, interpreter, search, request };
}

const install = (...requirements: string[]): EnvironmentNeeds => ({
  ...bareNeeds,
  installations: [{ requirements, noDependencies: false }],
});

const run = (python: string, code: string) => execFileSync(python, ["-c", code], { encoding: "utf8" }).trim();

describe("environments", () => {
  it("are built once and found again", async () => {
    const { directory, request } = await setUp();
    const wanted = await request(install(wheel(directory, "tiny_one")));
    const built: string[] = [];
    const onBuild = () => built.push("built");
    const [first, second] = await Promise.all([
      ensureEnvironment({ ...wanted, onBuild }),
      ensureEnvironment({ ...wanted, onBuild }),
    ]);
    expect(second).toEqual(first);
    await ensureEnvironment({ ...wanted, onBuild });
    expect(built).toEqual(["built"]);
    expect(run(first.python, "import tiny_one; print(tiny_one.VALUE)")).toBe("42");
  });

  it("without requirements hold the standard library only", async () => {
    const { request } = await setUp();
    const { python } = await ensureEnvironment(await request());
    expect(run(python, "import importlib.util; print(importlib.util.find_spec('kfp'))")).toBe("None");
  });

  it("that were left half built are built anew", async () => {
    const { request } = await setUp();
    const wanted = await request();
    const { directory, python } = await ensureEnvironment(wanted);
    rmSync(join(directory, ".sealflow-complete"));
    rmSync(python);
    await ensureEnvironment(wanted);
    expect(run(python, "print(1)")).toBe("1");
  });

  it("that can't be built say why, in pip's words", async () => {
    const { directory, environmentsDirectory, request } = await setUp();
    const wanted = await request(install(join(directory, "missing-1.0-py3-none-any.whl")));
    await expect(ensureEnvironment(wanted)).rejects.toMatchObject({
      code: "ENGINE_ENVIRONMENT_FAILED",
      message: expect.stringMatching(/pip install failed: .*missing-1\.0/),
      data: { output: expect.stringContaining("missing-1.0") },
    });
    expect(readdirSync(join(environmentsDirectory, "locks"))).toEqual([]);
  });

  it("with a lock accept only what has the lock's hashes", async () => {
    const { directory, request } = await setUp();
    const file = wheel(directory, "tiny_two");
    const digest =
      textDigest("").slice(0, 7) + execFileSync("sha256sum", [file], { encoding: "utf8" }).slice(0, 64);
    for (const [hash, good] of [
      [digest, true],
      [`sha256:${"0".repeat(64)}`, false],
    ] as const) {
      const lockText = `tiny_two @ file://${file} --hash=${hash}\n`;
      const wanted = await request({ ...bareNeeds, lock: textDigest(lockText) });
      const building = ensureEnvironment({ ...wanted, lockText });
      if (good) expect(run((await building).python, "import tiny_two; print(tiny_two.VALUE)")).toBe("42");
      else await expect(building).rejects.toMatchObject({ code: "ENGINE_ENVIRONMENT_FAILED" });
    }
  });

  it("have one name per needs, Python and platform", async () => {
    const { interpreter } = await setUp();
    const names = await Promise.all([
      environmentDigest(bareNeeds, interpreter),
      environmentDigest(install("a"), interpreter),
      environmentDigest(install("a", "b"), interpreter),
      environmentDigest({ ...install("a"), indexUrls: ["https://x"] }, interpreter),
      environmentDigest({ ...bareNeeds, lock: textDigest("x") }, interpreter),
      environmentDigest(bareNeeds, { ...interpreter, tag: "other" }),
      environmentDigest(bareNeeds, { ...interpreter, version: "3.99.0" }),
    ]);
    expect(new Set(names).size).toBe(names.length);
    expect(await environmentDigest(bareNeeds, { ...interpreter, executable: "/elsewhere" })).toBe(names[0]);
  });
});

describe("the interpreter", () => {
  it("is asked once and remembered until its file changes", async () => {
    const { search, interpreter, environmentsDirectory } = await setUp();
    const memory = join(environmentsDirectory, "interpreter.json");
    expect(JSON.parse(readFileSync(memory, "utf8"))).toMatchObject({ executable: interpreter.executable });
    writeFileSync(memory, readFileSync(memory, "utf8").replace(interpreter.version, "3.98.0"));
    expect(await findInterpreter(search)).toMatchObject({ version: "3.98.0" });
    writeFileSync(memory, readFileSync(memory, "utf8").replace(/"changed":[\d.]+/, '"changed":1'));
    expect(await findInterpreter(search)).toEqual(interpreter);
  });

  it("that is missing or too old is an error with a hint", async () => {
    const cacheDirectory = temporaryDirectory();
    const old = join(cacheDirectory, "old");
    mkdirSync(cacheDirectory, { recursive: true });
    writeFileSync(old, "#!/bin/sh\nprintf '/usr/bin/old\\n3.9.1\\nx\\n'\n", { mode: 0o755 });
    for (const python of [join(cacheDirectory, "nothing"), old]) {
      await expect(
        findInterpreter({ python, environment: process.env, cacheDirectory }),
      ).rejects.toMatchObject({
        code: "ENGINE_PYTHON_MISSING",
        hint: expect.stringContaining("SEALFLOW_PYTHON"),
      });
    }
    expect(existsSync(join(cacheDirectory, "interpreter.json"))).toBe(false);
  });
});
