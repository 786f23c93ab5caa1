import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { utf8 } from "@sealflow/core";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { compareEntries, readArchive, writeArchive } from "../src/index.js";
import { piecesOfDirectory, writeDirectoryAtomically } from "../src/node.js";
import { collect, cut } from "./random.js";

const root = mkdtempSync(join(tmpdir(), "sealflow-archive-"));
afterAll(() => rmSync(root, { recursive: true }));
const never = () => new Error("changed");

function tree(name: string, files: Readonly<Record<string, string>>): string {
  const directory = join(root, name);
  mkdirSync(directory, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(directory, dirname(path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
  return directory;
}

const long = `${"deep/".repeat(30)}leaf`;
const files = { "b.txt": "bee", "a/x": "", "a/y/z": "zed", "a.txt": "dot", "é/ü": "ä", [long]: "down" };

describe("a directory as an archive", () => {
  it("comes back as it was, with the right to execute", async () => {
    const source = tree("source", files);
    chmodSync(join(source, "a/y/z"), 0o700);
    mkdirSync(join(source, "empty"));
    await writeDirectoryAtomically(join(root, "again"), piecesOfDirectory(source));
    for (const [path, content] of Object.entries(files)) {
      expect(readFileSync(join(root, "again", path), "utf8")).toBe(content);
    }
    expect(statSync(join(root, "again", "a/y/z")).mode & 0o111).toBe(0o111);
    expect(readdirSync(join(root, "again", "empty"))).toEqual([]);
    expect(await collect(piecesOfDirectory(join(root, "again")))).toEqual(
      await collect(piecesOfDirectory(source)),
    );
  });

  it("is one that tar reads", async () => {
    const source = tree("for-tar", files);
    const listing = execFileSync("tar", ["tf", "-"], {
      input: await collect(piecesOfDirectory(source)),
      env: { ...process.env, LC_ALL: "C.UTF-8", TAR_OPTIONS: "--quoting-style=literal" },
    });
    const names = listing.toString().trim().split("\n");
    expect(names.filter((name) => !name.endsWith("/")).sort()).toEqual(Object.keys(files).sort());
  });

  it("refuses links", async () => {
    const source = tree("links", { file: "x" });
    symlinkSync("file", join(source, "link"));
    await expect(collect(piecesOfDirectory(source))).rejects.toMatchObject({ code: "SEAL_SOURCE_KIND" });
  });

  it("leaves nothing behind when it fails, and keeps what is there", async () => {
    const target = tree("kept", { old: "old" });
    const whole = await collect(piecesOfDirectory(tree("new", { new: "new" })));
    await expect(writeDirectoryAtomically(target, [whole])).rejects.toMatchObject({
      code: "SEAL_OUTPUT_EXISTS",
    });
    await expect(
      writeDirectoryAtomically(target, [whole.subarray(0, 600)], { replace: true }),
    ).rejects.toMatchObject({ code: "SEAL_ARCHIVE_MALFORMED" });
    expect(readFileSync(join(target, "old"), "utf8")).toBe("old");
    expect(readdirSync(root).filter((name) => name.endsWith(".partial"))).toEqual([]);
    await writeDirectoryAtomically(target, [whole], { replace: true });
    expect(readdirSync(target)).toEqual(["new"]);
  });
});

const entry = (path: string, content = "") => ({
  ...{ path, kind: "file" as const, executable: false, size: content.length },
  content: [utf8(content)],
});
const directory = (path: string) => ({ ...entry(path), kind: "directory" as const, content: [] });
const archiveOf = (...entries: ReturnType<typeof entry>[]) => collect(writeArchive(entries, never));

async function read(bytes: Uint8Array, lengths = [1 << 20]): Promise<string[]> {
  const paths: string[] = [];
  for await (const each of readArchive(cut(bytes, lengths))) {
    await collect(each.content);
    paths.push(each.path);
  }
  return paths;
}

describe("archives that must be refused", () => {
  const refused = { code: "SEAL_ARCHIVE_MALFORMED" };

  it.each(["/etc/passwd", "../up", "a/../b", "a//b", "./a", "", "a/."])("path %j", async (path) => {
    await expect(archiveOf(entry(path))).rejects.toMatchObject(refused);
  });

  it("another order, the same path twice, a file in no directory", async () => {
    await expect(read(await archiveOf(entry("b"), entry("a")))).rejects.toMatchObject(refused);
    await expect(read(await archiveOf(entry("a"), entry("a")))).rejects.toMatchObject(refused);
    await expect(read(await archiveOf(entry("a/b")))).rejects.toMatchObject(refused);
    expect(await read(await archiveOf(directory("a") as never, entry("a/b")))).toEqual(["a", "a/b"]);
  });

  it("any changed byte outside the content, any cut, any addition", async () => {
    const whole = await archiveOf(entry("a", "hello"), entry("x".repeat(150), "w"));
    // Both files' content, and the long path's extended header: another content or path is another archive.
    const free = (i: number) => (i >= 512 && i < 517) || (i >= 1536 && i < 2048) || i === 2560;
    const wrong: number[] = [];
    for (let i = 0; i < whole.length; i++) {
      const changed = whole.slice();
      changed[i] = (changed[i] ?? 0) ^ 1;
      const outcome = await read(changed).catch(() => "refused");
      if (outcome !== "refused" && !free(i)) wrong.push(i);
    }
    expect(wrong).toEqual([]);
    for (let end = 0; end < whole.length; end += 97) {
      await expect(read(whole.subarray(0, end))).rejects.toMatchObject(refused);
    }
    await expect(read(Uint8Array.from([...whole, 0]))).rejects.toMatchObject(refused);
  });
});

describe("any tree", () => {
  it("comes back whole, however the archive is cut", async () => {
    const name = fc.stringMatching(/^[a-zé]{1,60}$/);
    const paths = fc.uniqueArray(fc.array(name, { minLength: 1, maxLength: 1 }), {
      selector: (p) => p.join("/"),
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(
        paths,
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 4 }),
        async (all, lengths) => {
          const entries = all
            .map((parts, i) => entry(parts.join("/"), "c".repeat(i * 300)))
            .sort(compareEntries);
          expect(await read(await archiveOf(...entries), lengths)).toEqual(entries.map(({ path }) => path));
        },
      ),
      { numRuns: 50 },
    );
  });
});
