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
    const found: number[] = [];
    for await (const lines of source.search("Beta", new AbortController().signal)) found.push(...lines);
    expect(found).toHaveLength(4000);
    expect(found.slice(0, 3)).toEqual([1, 2, 4]);
  });
});

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
