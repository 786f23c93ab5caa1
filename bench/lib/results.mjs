/** Results on disk: one JSON file per benchmark, written when it is done, and one page made of all of them. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The stored result of a benchmark in that mode; undefined when there is none. */
export function readResult(directory, name) {
  const file = join(directory, `${name}.json`);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

/** Stores a result and draws the page anew. */
export function writeResult(directory, result) {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${result.name}.json`), `${JSON.stringify(rounded(result), null, 1)}\n`);
  writePage(directory);
}

/** Draws `README.md` from all results in the directory. */
export function writePage(directory) {
  const files = readdirSync(directory).filter((file) => file.endsWith(".json"));
  const results = files.sort().map((file) => JSON.parse(readFileSync(join(directory, file), "utf8")));
  const goals = results.flatMap(({ name, goals }) => goals.map((goal) => [name, goal]));
  const parts = [
    "# Results\n\nWritten by `npm run bench`; changes here are lost. What is measured and how: [bench](../README.md).\n",
    ...(goals.length === 0 ? [] : [table(["benchmark", "goal", "measured", ""], goals.map(goalRow))]),
    ...results.map(section),
  ];
  writeFileSync(join(directory, "README.md"), parts.join("\n"));
}

function goalRow([name, { goal, value, limit, unit }]) {
  const verdict = value <= limit ? "met" : `missed by ${figure(((value - limit) / limit) * 100)} %`;
  return [name, goal, `${figure(value)} ${unit}`, verdict];
}

/** A benchmark's part of the page. */
export function section({ name, describe, machine, measured, tables, notes = [] }) {
  const { processor, cores, memoryGiB, system, node, python } = machine;
  const { time, mode, load, seconds } = measured;
  const parts = [
    `## ${name}\n\n${describe}\n`,
    ...tables.map(({ title, columns, rows }) => `${title ? `**${title}**\n\n` : ""}${table(columns, rows)}`),
    ...notes.map((note) => `${note}\n`),
    `*${time.slice(0, 10)}, ${mode}, ${Math.round(seconds)} s, load ${load.join(" → ")}; ${processor}, ${cores} cores, ` +
      `${memoryGiB} GiB, ${system}, Node ${node}, Python ${python}*\n`,
  ];
  return parts.join("\n");
}

function table(columns, rows) {
  const line = (cells) =>
    `| ${cells.map((cell) => (typeof cell === "number" ? figure(cell) : cell)).join(" | ")} |`;
  return `${[line(columns), `|${columns.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n")}\n`;
}

/** Three significant digits, and no exponent. */
export function figure(number) {
  if (number === 0) return "0";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(number))));
  return Number(number.toFixed(Math.min(digits, 9))).toLocaleString("en", { maximumFractionDigits: 9 });
}

/** Figures without the digits that only noise has. */
function rounded(value) {
  if (typeof value === "number") return Number(value.toPrecision(5));
  if (Array.isArray(value)) return value.map(rounded);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, rounded(each)]));
}
