/** Commands that the documents name: each is there, with those flags, their values, and what else it needs. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { generateHelpTextForAllCommands } from "@stricli/core";
import { expect, it } from "vitest";
import { app } from "../src/app.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** What a command takes, as its usage line says. */
interface Usage {
  /** Flags by name, `--` and `-` forms; whether a value follows. */
  readonly flags: ReadonlyMap<string, boolean>;
  readonly required: readonly string[];
  readonly arguments: { readonly least: number; readonly most: number };
}

// Help needs no context, whatever the type says.
type AnyApp = Parameters<typeof generateHelpTextForAllCommands>[0];
const usages = new Map(
  generateHelpTextForAllCommands(app as unknown as AnyApp).map(([route, help]) => [
    route,
    usageIn(route, help),
  ]),
);

function usageIn(route: string, help: string): Usage {
  const line = help.split("\n").find((each) => each.startsWith(`  ${route} `) || each === `  ${route}`) ?? "";
  const parts = [
    ...line
      .slice(route.length + 2)
      .matchAll(/\[([^\]]*)\](\.\.\.)?|\(([^)]*)\)(\.\.\.)?|(<[^>]*>)(\.\.\.)?/g),
  ];
  const flags = new Map<string, boolean>([
    ["--help", false],
    ["-h", false],
  ]);
  const required: string[] = [];
  let [least, most] = [0, 0];
  for (const [text, optional, more, needed, , positional, several] of parts) {
    const inside = optional ?? needed ?? "";
    for (const form of inside.startsWith("-") ? inside.split("|--") : []) {
      const [name = "", ...value] = (form.startsWith("-") ? form : `--${form}`).split(" ");
      flags.set(name, value.length > 0);
      if (needed !== undefined) required.push(name);
    }
    if (!text.includes("<")) continue;
    least += positional === undefined ? 0 : 1;
    most = (more ?? several) === undefined && !text.includes("...") ? most + 1 : Number.POSITIVE_INFINITY;
  }
  for (const [, short = "", name = ""] of help.matchAll(/^\s*(-\w)\s+\[?(--[\w-]+)/gm))
    flags.set(short, flags.get(name) ?? false);
  return { flags, required, arguments: { least, most } };
}

/** A command line of a document. */
interface Example {
  readonly at: string;
  readonly text: string;
}

function* documents(): Generator<{ readonly name: string; readonly text: string }> {
  const places = [
    "README.md",
    ...readdirSync(`${root}docs`, { recursive: true }).map((name) => `docs/${name}`),
  ];
  const examples = readdirSync(`${root}examples`).map((name) => `examples/${name}/README.md`);
  for (const name of [...places, ...examples]) {
    if (!name.endsWith(".md") || name === "docs/reference/cli.md") continue;
    if (existsSync(root + name)) yield { name, text: readFileSync(root + name, "utf8") };
  }
}

/** Lines of blocks for the shell, continued ones as one, without comments, and each command of a chain by itself. */
function* examplesIn({ name, text }: { readonly name: string; readonly text: string }): Generator<Example> {
  for (const [, , block = ""] of text.matchAll(/```(sh|bash|console)\n([\s\S]*?)```/g)) {
    for (const line of block.replaceAll(/\\\n\s*/g, " ").split("\n")) {
      const bare = line.replace(/(^|\s+)#.*$/, "");
      for (const part of bare.split(/\s(?:&&|\|\||\||;)\s|;\s|\$\(/)) {
        const command = /^(?:\$ )?(?:\w+=\S+\s+)*(?:npx\s+)?(sealflow(?:\s.*)?)$/.exec(part.trim())?.[1];
        if (command !== undefined) yield { at: name, text: command.replace(/\)$/, "").trim() };
      }
    }
  }
}

function wordsOf(text: string): string[] {
  const words = [...text.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? "");
  const end = words.findIndex((word) => /^(\d?>|&)/.test(word));
  return end === -1 ? words : words.slice(0, end);
}

/** Groups of commands that do something by themselves. */
const defaults = new Map([
  ["sealflow broker deploy", "apply"],
  ["sealflow contexts", "list"],
  ["sealflow runs", "list"],
]);

function usageOf(words: readonly string[]): Usage | undefined {
  const route = words.join(" ");
  return usages.get(route) ?? usages.get(`${route} ${defaults.get(route)}`);
}

/** What is wrong with a command line; empty when nothing is. */
function mistakesIn(text: string): string[] {
  const words = wordsOf(text);
  const length = [4, 3, 2].find((count) => usageOf(words.slice(0, count)) !== undefined);
  if (length === undefined) return words.length === 1 || words[1]?.startsWith("-") ? [] : ["no such command"];
  const usage = usageOf(words.slice(0, length)) as Usage;
  const mistakes: string[] = [];
  const given = new Set<string>();
  let positional = 0;
  for (let index = length; index < words.length; index++) {
    const word = words[index] ?? "";
    if (!/^--?[a-z]/.test(word)) {
      if (word !== "…" && word !== "...") positional += 1;
      continue;
    }
    const [name = "", value] = word.split("=");
    const takes = usage.flags.get(name) ?? usage.flags.get(name.replace("--no-", "--"));
    if (takes === undefined) mistakes.push(`no flag ${name}`);
    given.add(name);
    if (takes !== true || value !== undefined) continue;
    index += 1;
    if (words[index] === undefined || /^--[a-z]/.test(words[index] ?? ""))
      mistakes.push(`${name} without a value`);
  }
  const abridged = /…(\s|$)|\.\.\.(\s|$)/.test(text) || given.has("--help");
  const { least, most } = usage.arguments;
  if (positional > most || (positional < least && !abridged)) mistakes.push(`${positional} arguments`);
  for (const name of abridged ? [] : usage.required) {
    const short = [...usage.flags.keys()].filter((each) => /^-\w$/.test(each));
    if (!given.has(name) && !short.some((each) => given.has(each))) mistakes.push(`without ${name}`);
  }
  return mistakes;
}

it("reads usage lines as they are written", () => {
  expect(usages.size).toBeGreaterThan(60);
  const build = usages.get("sealflow image build");
  expect(build?.required).toEqual(["--base", "--to", "--output"]);
  expect([build?.flags.get("--base"), build?.flags.get("--simulated"), build?.flags.get("-o")]).toEqual([
    true,
    false,
    true,
  ]);
  expect(build?.arguments).toEqual({ least: 1, most: 1 });
  expect(usages.get("sealflow runs delete")?.arguments).toEqual({ least: 1, most: Number.POSITIVE_INFINITY });
  expect(mistakesIn("sealflow runs show")).toEqual(["0 arguments"]);
  expect(mistakesIn("sealflow image build p.ts --base a --to b --out c")).toEqual([
    "no flag --out",
    "2 arguments",
    "without --output",
  ]);
  expect(mistakesIn("sealflow runs shown latest")).toEqual(["2 arguments"]);
  expect(mistakesIn("sealflow images build")).toEqual(["no such command"]);
});

it("finds each command of the documents, with its flags and what it needs", () => {
  const examples = [...documents()].flatMap((each) => [...examplesIn(each)]);
  expect(examples.length).toBeGreaterThan(100);
  expect(examples.filter(({ at }) => at === "docs/guide/aks.md").length).toBeGreaterThan(25);
  const mistakes = examples.flatMap(({ at, text }) =>
    mistakesIn(text).map((mistake) => `${at}: ${text}: ${mistake}`),
  );
  expect(mistakes).toEqual([]);
});

it("finds each command that the documents name in a sentence", () => {
  // Texts of the protocol begin with the product's name, too.
  const sentences = [...documents()].filter(({ name }) => name !== "docs/reference/broker-protocol.md");
  const unknown = sentences.flatMap(({ name, text }) =>
    [...text.matchAll(/`sealflow ([a-z][\w -]*?)(?:[ …]*`| [A-Z<[.-])/g)].flatMap(([, words = ""]) => {
      const parts = words
        .trim()
        .split(" ")
        .filter((word) => /^[a-z][a-z-]*$/.test(word));
      const named = ["sealflow", ...parts].join(" ");
      const known = [...usages.keys()].some(
        (route) => route === named || route.startsWith(`${named} `) || named.startsWith(`${route} `),
      );
      return known ? [] : [`${name}: ${named}`];
    }),
  );
  expect(unknown).toEqual([]);
});

it("finds each flag that a hint of an error names", () => {
  const flags = new Set([...usages.values()].flatMap((usage) => [...usage.flags.keys()]));
  const rooms = readdirSync(`${root}packages`).map((room) => `packages/${room}/src`);
  const sources = rooms.flatMap((room) =>
    readdirSync(root + room, { recursive: true }).map((name) => `${room}/${String(name)}`),
  );
  const hints = sources
    .filter((name) => name.endsWith(".ts"))
    .flatMap((name) =>
      [
        ...readFileSync(root + name, "utf8").matchAll(/\b(?:hint|mend):\s*(?:\n\s*)?("[^"\n]*"|`[^`]*`)/g),
      ].map(([, text = ""]) => ({ name, text })),
    );
  expect(hints.length).toBeGreaterThan(150);
  // Flags of az, openssl, npm, pip-compile and uv.
  const others = new Set(["--generate-hashes", "--resource", "--query", "--wait", "--run-id"]);
  const unknown = hints.flatMap(({ name, text }) =>
    [...text.matchAll(/(?<![\w-])--[a-z][\w-]*\w/g)].flatMap(([flag]) =>
      flags.has(flag) || others.has(flag) ? [] : [`${name}: ${flag}`],
    ),
  );
  expect(unknown).toEqual([]);
});
