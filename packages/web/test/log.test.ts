import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAnsi, plainLine } from "../src/log/ansi.js";
import { LogSource } from "../src/log/source.js";

/** A log in memory that counts what was read of it. */
function logOf(text: string) {
  const state = { bytes: new TextEncoder().encode(text), read: 0, largest: 0 };
  const source = new LogSource(async (start, end) => {
    const bytes = state.bytes.slice(start, end);
    state.read += bytes.length;
    state.largest = Math.max(state.largest, bytes.length);
    return { bytes, size: state.bytes.length };
  });
  const scanAll = async () => {
    while (await source.scan());
  };
  return { state, source, scanAll };
}

describe("a log of any size", () => {
  it("has the lines of its text, whatever part is asked for", async () => {
    const line = fc.string({ maxLength: 40 }).map((text) => text.replaceAll("\n", " "));
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 3000 }),
        fc.nat(3000),
        fc.nat(200),
        async (lines, first, count) => {
          const { source, scanAll } = logOf(lines.map((each) => `${each}\n`).join(""));
          await scanAll();
          expect(source.lines).toBe(lines.length);
          expect(await source.slice(first, first + count)).toEqual(
            lines
              .slice(first, first + count)
              .map((each) => new TextDecoder().decode(new TextEncoder().encode(each))),
          );
        },
      ),
      { numRuns: process.env.SEALFLOW_SLOW ? 300 : 25 },
    );
  });

  it("reads a hundred megabytes in steps, and a screen of it with one small read", async () => {
    const text = `${"x".repeat(99)}\n`.repeat(1_000_000);
    const { state, source, scanAll } = logOf(text);
    await scanAll();
    expect(source.lines).toBe(1_000_000);
    expect(state.largest).toBeLessThanOrEqual(4 * 1024 * 1024);
    state.read = 0;
    expect(await source.slice(700_000, 700_040)).toHaveLength(40);
    expect(state.read).toBeLessThan(256 * 1024);
  });

  it("cuts lines of megabytes and still knows those after them", async () => {
    const { source, scanAll } = logOf(`first\n${"y".repeat(3_000_000)}\nlast\n`);
    await scanAll();
    const [first, long, last] = await source.slice(0, 3);
    expect([first, last]).toEqual(["first", "last"]);
    expect(long?.length).toBeLessThan(5000);
  });

  it("grows", async () => {
    const { state, source, scanAll } = logOf("one\ntw");
    await scanAll();
    expect(await source.slice(0, 9)).toEqual(["one", "tw"]);
    state.bytes = new TextEncoder().encode("one\ntwo\nthree\n");
    await scanAll();
    expect(await source.slice(0, 9)).toEqual(["one", "two", "three"]);
  });

  it("finds lines without regard to case", async () => {
    const { source, scanAll } = logOf("alpha\nBETA\nbeta gamma\n".repeat(2000));
    await scanAll();
    const found = await searchAll(source, "Beta");
    expect(found).toHaveLength(4000);
    expect(found.slice(0, 3)).toEqual([1, 2, 4]);
  });

  it("is searched in what it shows: across colours, after what overwrites itself, and not in what steers", async () => {
    const { source, scanAll } = logOf("err\u001b[31mor\u001b[0m here\n10 %\r100 % done\nplain\n");
    await scanAll();
    expect(await searchAll(source, "ERROR")).toEqual([0]);
    expect(await searchAll(source, "10 %")).toEqual([]);
    expect(await searchAll(source, "100 % done")).toEqual([1]);
    expect(await searchAll(source, "[31m")).toEqual([]);
  });

  it("is searched on as it grows, from where the search was, each line told once", async () => {
    let log = "one hit\nno or yes\nhit to be con";
    const reads: number[] = [];
    const source = new LogSource(async (start, end) => {
      reads.push(start);
      const bytes = new TextEncoder().encode(log);
      return { bytes: bytes.slice(start, end), size: bytes.length };
    });
    await source.scan();
    const search = source.search("hit");
    expect(await search.next(source.progress.scanned)).toEqual([0, 2]);
    expect(await search.next(source.progress.scanned)).toBeUndefined();
    const grown = source.grown(new AbortController().signal);
    const across = source.search("continued");
    expect(await across.next(source.progress.scanned)).toEqual([]);
    log += "tinued hit\nno\nand a last HIT";
    await source.scan();
    await grown;
    reads.length = 0;
    expect(await search.next(source.progress.scanned)).toEqual([4]);
    expect(await across.next(source.progress.scanned)).toEqual([2]);
    expect(Math.min(...reads)).toBe(log.indexOf("hit to be"));
  });

  it("is searched wherever pieces of it end", async () => {
    const line = `${"ä".repeat(50)} needle`;
    const log = `${`${line}\n${"-".repeat(150)}\n`.repeat(20_000)}`;
    const { source, scanAll } = logOf(log);
    await scanAll();
    const found = await searchAll(source, "Needle");
    expect(found).toHaveLength(20_000);
    expect(found.every((number, index) => number === 2 * index)).toBe(true);
  });
});

async function searchAll(source: LogSource, text: string): Promise<readonly number[]> {
  const search = source.search(text);
  const found: number[] = [];
  for (;;) {
    const lines = await search.next(source.progress.scanned);
    if (lines === undefined) return found;
    found.push(...lines);
  }
}

describe("colours of a log", () => {
  it.each([
    ["plain", [{ text: "plain", style: "" }]],
    [
      "\u001b[31mred\u001b[0m not",
      [
        { text: "red", style: "fg1" },
        { text: " not", style: "" },
      ],
    ],
    [
      "\u001b[1;92mb\u001b[22mc",
      [
        { text: "b", style: "bold fg2" },
        { text: "c", style: "fg2" },
      ],
    ],
    ["\u001b[38;5;196mx", [{ text: "x", style: "", colour: "rgb(255 0 0)" }]],
    [
      "\u001b[38;2;1;2;3mx\u001b[39my",
      [
        { text: "x", style: "", colour: "rgb(1 2 3)" },
        { text: "y", style: "" },
      ],
    ],
    ["\u001b[2K\u001b[1Gdone", [{ text: "done", style: "" }]],
    ["\u001b]0;title\u0007text", [{ text: "text", style: "" }]],
    ["10 %\r50 %\r100 %\r", [{ text: "100 %", style: "" }]],
  ])("of %j are %j", (line, spans) => {
    expect(parseAnsi(line)).toEqual(spans);
  });

  it("never change what a line says", () => {
    fc.assert(
      fc.property(fc.string(), (line) => {
        expect(
          parseAnsi(line)
            .map(({ text }) => text)
            .join(""),
        ).toBe(plainLine(line));
      }),
    );
  });
});
