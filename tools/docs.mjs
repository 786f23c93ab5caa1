/**
 * `node tools/docs.mjs`: what documents say is checked against the code. Error codes are documented, and only those
 * that exist; relative links lead somewhere; the generated pages are current (`--write` writes them).
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { cliReference } from "./cli-reference.mjs";
import { root } from "./run.mjs";

const findings = [...errorCodes(), ...links(), ...generated()];
for (const finding of findings) console.error(finding);
console.log(findings.length === 0 ? "Documents agree with the code" : `${findings.length} findings`);
process.exitCode = findings.length === 0 ? 0 : 1;

/** Files below a directory of the checkout, without what is built or installed. */
function filesBelow(directory, suffix) {
  const skipped = /(^|\/)(node_modules|dist|testdata|\.sealflow|__pycache__|\.git)(\/|$)/;
  const place = join(root, directory);
  if (!existsSync(place)) return [];
  return readdirSync(place, { recursive: true })
    .map((file) => join(directory, file))
    .filter((file) => file.endsWith(suffix) && !skipped.test(file))
    .sort();
}

function read(file) {
  return readFileSync(join(root, file), "utf8");
}

/** Codes that a room's sources name: those with its own prefix, and any that an error is made with. */
function codesIn(room) {
  const prefix = room.toUpperCase();
  const own = new RegExp(`["'\`](${prefix}_[A-Z0-9_]*[A-Z0-9])["'\`]`, "g");
  const made = /\bcode: "([A-Z][A-Z0-9]*_[A-Z0-9_]+)"/g;
  const codes = new Map();
  for (const file of filesBelow(`packages/${room}/src`, ".ts")) {
    const text = read(file);
    for (const [, code] of [...text.matchAll(own), ...text.matchAll(made)]) codes.set(code, file);
  }
  return codes;
}

function errorCodes() {
  const problems = [];
  const rooms = readdirSync(join(root, "packages"));
  const sources = [
    ...rooms.flatMap((room) => [
      ...filesBelow(`packages/${room}/src`, ".ts"),
      ...filesBelow(`packages/${room}/bin`, ".js"),
    ]),
    ...filesBelow("python/src", ".py"),
  ];
  const allText = sources.map(read).join("\n");
  const pages = filesBelow("docs/reference/errors", ".md");
  const documented = new Map();
  for (const page of pages) {
    for (const [, code] of read(page).matchAll(/^\|\s*`([A-Z][A-Z0-9_]+)`/gm)) {
      if (documented.has(code))
        problems.push(`${page}: ${code} is documented in ${documented.get(code)} too`);
      documented.set(code, page);
    }
  }
  // The start of codes that are put together from two parts.
  const isStem = (code) => [...documented.keys()].some((known) => known.startsWith(`${code}_`));
  for (const room of rooms) {
    for (const [code, file] of codesIn(room)) {
      if (!documented.has(code) && !isStem(code))
        problems.push(`${file}: ${code} has no row in docs/reference/errors/${room}.md`);
    }
  }
  for (const [code, page] of documented) {
    // Python's findings name their codes without the prefixes that the pipeline's errors add.
    const known = suffixesOf(code).some((name) => new RegExp(`["'\`[]${name}["'\`\\]]`).test(allText));
    if (!known) problems.push(`${page}: ${code} is documented, but nothing in the sources names it`);
  }
  return problems;
}

/** The code itself, and what is left of it without its first words. */
function suffixesOf(code) {
  const words = code.split("_");
  return words.map((_, index) => words.slice(index).join("_"));
}

function links() {
  const pages = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    ...filesBelow("docs", ".md"),
    ...filesBelow("examples", ".md"),
  ];
  return pages
    .filter((page) => existsSync(join(root, page)))
    .flatMap((page) => {
      const text = read(page).replace(/```[\s\S]*?```/g, "");
      return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
        .map(([, target]) => target)
        .filter((target) => !/^[a-z]+:|^#/.test(target))
        .filter((target) => !existsSync(resolve(root, dirname(page), target.split("#")[0])))
        .map((target) => `${page}: the link to ${target} leads nowhere`);
    });
}

function generated() {
  const page = join(root, "docs/reference/cli.md");
  const text = cliReference();
  if (process.argv.includes("--write")) writeFileSync(page, text);
  const current = existsSync(page) ? readFileSync(page, "utf8") : "";
  return current === text ? [] : [`${relative(root, page)}: not current (node tools/docs.mjs --write)`];
}
