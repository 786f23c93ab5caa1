import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatOf, imageType, textOf } from "../src/artifacts/format.js";
import { readParquet } from "../src/artifacts/parquet.js";
import { cellText, parseCsv, summarize } from "../src/artifacts/table.js";
import { comparedLines } from "../src/compare/difference.js";
import { formatAgo, formatBytes, formatDuration, formatNumber, formatValue } from "../src/format.js";

const bytes = (text: string) => new TextEncoder().encode(text);
const magic = [...bytes("SEALFLOW")];

describe("the format of an artifact", () => {
  it.each([
    ["parquet", new Uint8Array([0x50, 0x41, 0x52, 0x31, 0, 0])],
    ["image", new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])],
    ["image", bytes('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    ["sealed", bytes("SEALFLOW\u0000\u0000\u0000\u0001")],
    ["json", bytes('{"a": 1}')],
    ["text", bytes("{not json")],
    ["csv", bytes("a,b\n1,2\n3,4\n")],
    ["csv", bytes('a;b\n"x;y";2\n3;4\n')],
    ["text", bytes("one line, with a comma\n")],
    ["binary", new Uint8Array([1, 2, 0, 3])],
    ["binary", new Uint8Array([0xc3, 0x28])],
    ["empty", new Uint8Array()],
  ] as const)("is %s", (format, content) => {
    expect(formatOf(content, true, magic)).toBe(format);
  });

  it("is known from a beginning that cuts a character", () => {
    const text = bytes("ä".repeat(10));
    expect(textOf(text.slice(0, 5), false)).toBe("ää");
    expect(textOf(text.slice(0, 5), true)).toBeUndefined();
    expect(imageType(new Uint8Array([0xff, 0xd8, 0xff]))).toBe("image/jpeg");
  });
});

describe("tables", () => {
  it("are read from CSV with quotes, empty fields and line breaks in them", () => {
    const table = parseCsv('id,name\r\n1,"a ""b"",\nc"\r\n2,\r\n', { whole: true, most: 10 });
    expect(table.rows).toEqual([
      [1, 'a "b",\nc'],
      [2, null],
    ]);
    expect(table.columns.map(({ type }) => type)).toEqual(["number", "text"]);
    expect(table.total).toBe(2);
  });

  it("leave out the last line of a beginning, which may be cut", () => {
    expect(parseCsv("a,b\n1,2\n3", { whole: false, most: 10 }).rows).toEqual([[1, 2]]);
  });

  it("give back what was written, whatever it is", () => {
    const cell = fc
      .string({ maxLength: 12 })
      .filter((text) => !/^[\s\d.+-]/.test(text) && text !== "" && !text.includes("\r"));
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 8 }), (rows) => {
        const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
        const text = [["k", "v"], ...rows].map((row) => `${row.map(quoted).join(",")}\n`).join("");
        expect(parseCsv(text, { whole: true, most: 100 }).rows.map((row) => row.map(cellText))).toEqual(rows);
      }),
    );
  });

  it("are summed up by column", () => {
    const columns = [
      { name: "n", type: "number" },
      { name: "t", type: "text" },
    ];
    const rows = [
      [1, "a"],
      [2, "a"],
      [3, "b"],
      [null, null],
    ];
    const [numbers, texts] = summarize({ columns, rows, total: 4 });
    expect(numbers).toMatchObject({
      missing: 1,
      distinct: 3,
      numbers: { least: 1, most: 3, mean: 2, deviation: 1 },
    });
    expect(numbers?.numbers?.histogram.reduce((sum, count) => sum + count)).toBe(3);
    expect(texts).toMatchObject({
      missing: 1,
      frequent: [
        { value: "a", count: 2 },
        { value: "b", count: 1 },
      ],
    });
  });
});

describe("a comparison", () => {
  it("has what differs first, and marks the extremes of numbers", () => {
    const row = (metrics: object) => ({ metrics, parameters: {} }) as never;
    const lines = comparedLines(
      [row({ same: 1, auc: 0.9, note: "x" }), row({ same: 1, auc: 0.8, note: "y" })],
      "metrics",
    );
    expect(lines.map(({ name }) => name)).toEqual(["auc", "note", "same"]);
    expect(lines[0]).toMatchObject({ largest: 0, smallest: 1 });
    expect(lines[1]).not.toHaveProperty("largest");
  });
});

describe("values for people", () => {
  it.each([
    [formatDuration(820), "820 ms"],
    [formatDuration(4210), "4.2 s"],
    [formatDuration(59_960), "1 min 00 s"],
    [formatDuration(185_000), "3 min 05 s"],
    [formatDuration(7_440_000), "2 h 04 min"],
    [formatBytes(812), "812 B"],
    [formatBytes(1400), "1.4 kB"],
    [formatBytes(999_600), "1.0 MB"],
    [formatNumber(0.123456789), "0.123457"],
    [formatNumber(32581), "32\u202f581"],
    [formatNumber(-1234), "-1234"],
    [formatNumber(4.172e-7), "4.172 e-7"],
    [formatNumber(0), "0"],
    [formatValue(""), "“”"],
    [formatValue([1, 2]), "[1,2]"],
    [formatAgo(0, 30_000), "just now"],
    [formatAgo(0, 300_000), "5 minutes ago"],
    [formatAgo(0, 864_000_000), "1 Jan 1970"],
  ])("are written %j as %j", (text, wanted) => {
    expect(text).toBe(wanted);
  });
});

describe("Parquet, as pyarrow writes it", () => {
  it.each(["snappy", "zstd", "gzip", "brotli", "lz4", "none"])("compressed by %s is read", async (codec) => {
    const file = readFileSync(new URL(`./testdata/parquet/${codec}.parquet`, import.meta.url));
    const { columns, rows, total } = await readParquet({ bytes: new Uint8Array(file) }, 250);
    expect([rows.length, total]).toEqual([250, 500]);
    expect(columns.map(({ name }) => name)).toEqual(["id", "amount", "grade", "day", "default"]);
    expect(rows[210]?.map(cellText)).toEqual(["210", "315", "", "2026-01-01", "false"]);
    expect(rows[249]?.map(cellText)).toEqual(["249", "373.5", "A", "2026-01-10", "false"]);
  });
});
