/** Tables of any origin: columns of values, and what they come to. */

/** A value of a table. */
export type Cell = string | number | bigint | boolean | Date | null | undefined | object;

/** A table, or its beginning. */
export interface Table {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly Cell[])[];
  /** Rows of the whole; undefined when that is not known without reading all of it. */
  readonly total: number | undefined;
}

/** What a column's values come to. */
export interface ColumnSummary {
  readonly name: string;
  readonly type: string;
  readonly missing: number;
  readonly distinct: number;
  /** Set when all values are numbers. */
  readonly numbers?: {
    readonly least: number;
    readonly most: number;
    readonly mean: number;
    readonly deviation: number;
    /** Counts in equal parts between the least and the most. */
    readonly histogram: readonly number[];
  };
  /** The most frequent values, where they are no numbers. */
  readonly frequent?: readonly { readonly value: string; readonly count: number }[];
}

const PARTS = 24;
const FREQUENT = 3;

/** Summaries of all columns, over the rows that are there. */
export function summarize({ columns, rows }: Table): readonly ColumnSummary[] {
  return columns.map(({ name, type }, index) => {
    const values = rows.map((row) => row[index]);
    const present = values.filter((value) => value !== null && value !== undefined && value !== "");
    const distinct = new Set(present.map(cellText)).size;
    const base = { name, type, missing: values.length - present.length, distinct };
    const numbers = present.map(numberOf);
    if (present.length > 0 && numbers.every((value) => value !== undefined)) {
      return { ...base, numbers: numberSummary(numbers.filter(Number.isFinite)) };
    }
    return { ...base, frequent: frequentOf(present) };
  });
}

function numberOf(value: Cell): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  return undefined;
}

function numberSummary(values: readonly number[]): NonNullable<ColumnSummary["numbers"]> {
  let [least, most, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
    sum += value;
  }
  const mean = sum / values.length;
  let squares = 0;
  const histogram = new Array<number>(PARTS).fill(0);
  const width = most - least;
  for (const value of values) {
    squares += (value - mean) ** 2;
    const part = width === 0 ? 0 : Math.min(PARTS - 1, Math.floor(((value - least) / width) * PARTS));
    histogram[part] = (histogram[part] ?? 0) + 1;
  }
  const deviation = values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1));
  return { least, most, mean, deviation, histogram };
}

function frequentOf(values: readonly Cell[]): NonNullable<ColumnSummary["frequent"]> {
  const counts = new Map<string, number>();
  for (const value of values) {
    const text = cellText(value);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const ordered = [...counts].sort(([, a], [, b]) => b - a).slice(0, FREQUENT);
  return ordered.map(([value, count]) => ({ value, count }));
}

/** A value as text. */
export function cellText(value: Cell): string {
  if (value === null || value === undefined) return "";
  if (value instanceof Date) return value.toISOString().replace("T00:00:00.000Z", "");
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === "object") {
    return JSON.stringify(value, (_, each) => (typeof each === "bigint" ? String(each) : each));
  }
  return String(value);
}

/** The separator that a CSV file uses: the one that its first line has most often. */
function separatorOf(line: string): string {
  const counts = [",", "\t", ";"].map((each) => [each, line.split(each).length] as const);
  return counts.sort(([, a], [, b]) => b - a)[0]?.[0] ?? ",";
}

/** Reads CSV (RFC 4180) whose first line has the names. @param whole Whether the text is all of the file: else its last line is cut. */
export function parseCsv(text: string, { whole, most }: { whole: boolean; most: number }): Table {
  const records = csvRecords(text, separatorOf(text.slice(0, text.indexOf("\n") + 1 || undefined)), most + 2);
  if (!whole && records.length <= most + 1) records.pop();
  const [names = [], ...rest] = records;
  const rows = rest.slice(0, most);
  const numeric = names.map((_, index) => {
    const values = rows.map((row) => row[index] ?? "").filter((value) => value !== "");
    return (
      values.length > 0 && values.every((value) => /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(value.trim()))
    );
  });
  return {
    columns: names.map((name, index) => ({ name, type: numeric[index] ? "number" : "text" })),
    rows: rows.map((row) =>
      names.map((_, index) => {
        const value = row[index] ?? "";
        if (value === "") return null;
        return numeric[index] ? Number(value) : value;
      }),
    ),
    total: whole && rest.length <= most ? rest.length : undefined,
  };
}

function csvRecords(text: string, separator: string, most: number): string[][] {
  const records: string[][] = [];
  let [record, field, quoted]: [string[], string, boolean] = [[], "", false];
  for (let at = 0; at < text.length && records.length < most; at++) {
    const character = text[at] ?? "";
    if (quoted) {
      if (character !== '"') field += character;
      else if (text[at + 1] === '"') {
        field += '"';
        at += 1;
      } else quoted = false;
    } else if (character === '"' && field === "") quoted = true;
    else if (character === separator) {
      record.push(field);
      field = "";
    } else if (character === "\n") {
      records.push([...record, field.replace(/\r$/, "")]);
      [record, field] = [[], ""];
    } else field += character;
  }
  if (field !== "" || record.length > 0) records.push([...record, field.replace(/\r$/, "")]);
  return records.slice(0, most);
}
