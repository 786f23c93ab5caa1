import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseLock } from "@sealflow/cluster";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runPython, testPython } from "../../../../test-support/python.js";
import { installEnvironment } from "../../src/image/environment.js";

/** Writes wheels: one with libraries beside the packages, as oneDAL has them, and one for another system. */
const makeWheels = `
import hashlib, sys, zipfile
def wheel(name, tag, files):
    path = f"{sys.argv[1]}/{name}-1.0-py3-none-{tag}.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        for at, text in files.items(): file.writestr(at, text)
        file.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-{tag}\\n")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n")
        file.writestr(f"{info}/RECORD", "")
    print(hashlib.sha256(open(path, "rb").read()).hexdigest())
wheel("daal", "manylinux1_x86_64", {
    "daal/__init__.py": "code",
    "daal-1.0.data/data/lib/libonedal.so.3": "library",
    "daal-1.0.data/platlib/daal/more.py": "more",
    "daal-1.0.data/scripts/daal-tool": "#!python",
    "daal-1.0.data/headers/daal.h": "header",
})
wheel("other", "win_amd64", {"other.py": "code"})
`;

describe("the environment of an image", () => {
  let directory = "";
  let hashes: string[] = [];
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "sealflow-environment-"));
    hashes = (await runPython(["-c", makeWheels, directory])).trim().split("\n");
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const install = (text: string) =>
    installEnvironment(parseLock(text, "lock"), {
      directory: join(directory, "work"),
      pythonVersion: "3.11",
      python: testPython(),
      environment: { ...process.env, PIP_NO_INDEX: "1", PIP_FIND_LINKS: directory },
    });

  test("is a Python prefix: packages in their place, libraries beside them, no scripts and no headers", async () => {
    const entries = await install(`daal==1.0 --hash=sha256:${hashes[0]}\n`);
    const site = "/opt/sealflow/environment/lib/python3.11/site-packages";
    const paths = entries.map(({ path }) => path).filter((path) => !path.includes("dist-info"));
    expect(paths.sort()).toEqual([
      "/opt/sealflow/environment/lib/libonedal.so.3",
      `${site}/daal/__init__.py`,
      `${site}/daal/more.py`,
    ]);
    const library = entries.find(({ path }) => path.endsWith(".so.3"))?.content;
    const file = typeof library === "object" && "file" in library ? library.file : "";
    expect(readFileSync(file, "utf8")).toBe("library");
  });

  test("holds nothing that the lock's hashes do not allow, and nothing for another system", async () => {
    writeFileSync(join(directory, "note"), "");
    const wrong = install(`daal==1.0 --hash=sha256:${"0".repeat(64)}\n`);
    await expect(wrong).rejects.toMatchObject({ code: "CLUSTER_ENVIRONMENT_FAILED" });
    const other = install(`other==1.0 --hash=sha256:${hashes[1]}\n`);
    await expect(other).rejects.toMatchObject({ code: "CLUSTER_ENVIRONMENT_FAILED" });
  });

  test("is empty without packages", async () => {
    expect(await install("")).toEqual([]);
  });
});
