/** `sealflow init`. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { SealflowError } from "@sealflow/core";
import type { CliContext } from "../context.js";
import { version } from "../index.js";
import type { InitFlags } from "../routes/init.js";

/** Names that npm would treat in its own way inside a package. */
const renamed: Readonly<Record<string, string>> = {
  gitignore: ".gitignore",
  "package.json.template": "package.json",
};

/** Copies a template, with the project's name and this program's version filled in; never over existing files. */
export async function init(context: CliContext, flags: InitFlags, directory: string): Promise<void> {
  const target = resolve(context.cwd, directory);
  const template = templateDirectory(flags.template);
  const files = readdirSync(template, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(template, join(entry.parentPath, entry.name)))
    .sort();
  const places = new Map(
    files.map((file) => [file, join(target, dirname(file), renamed[basename(file)] ?? basename(file))]),
  );
  refuseExisting([...places.values()], directory);
  for (const [file, place] of places) {
    const text = readFileSync(join(template, file), "utf8");
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, filled(text, { name: projectName(target), ...packages(template) }));
    context.process.stdout.write(`wrote  ${join(directory, relative(target, place))}\n`);
  }
  context.process.stdout.write(`\nNext: cd ${directory} && npm install && npx sealflow run\n`);
}

function filled(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{\{(\w+)\}\}/g, (whole, name: string) => values[name] ?? whole);
}

/**
 * Where the project gets Sealflow from: the registries, or, when this program runs from a checkout, that checkout, whose
 * version no registry has.
 */
function packages(template: string): Record<"sealflow" | "authoring" | "python", string> {
  const room = dirname(dirname(template));
  if (/[\\/]node_modules[\\/]/.test(room))
    return { sealflow: version, authoring: version, python: "sealflow" };
  const checkout = dirname(dirname(room));
  return {
    sealflow: `file:${room}`,
    authoring: `file:${join(checkout, "packages/pipeline")}`,
    python: join(checkout, "python"),
  };
}

/** Pipelines and packages are named in lower-case letters, digits and dashes. */
function projectName(target: string): string {
  const name = basename(target)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "");
  return name.slice(0, 100) || "pipeline";
}

function templateDirectory(name: string): string {
  for (let directory = dirname(fileURLToPath(import.meta.url)); ; directory = dirname(directory)) {
    const candidate = join(directory, "templates", name);
    if (existsSync(join(candidate, "pipeline.ts"))) return candidate;
    if (dirname(directory) === directory) break;
  }
  throw new SealflowError({
    code: "CLI_TEMPLATE_MISSING",
    message: `template ${name}: expected it beside the program, got none`,
    hint: "install sealflow again",
  });
}

function refuseExisting(places: readonly string[], directory: string): void {
  const existing = places.filter((place) => existsSync(place));
  if (existing.length === 0) return;
  throw new SealflowError({
    code: "CLI_PROJECT_EXISTS",
    message: `${directory}: expected a directory without a project, got one with ${existing.map((place) => basename(place)).join(", ")}`,
    hint: "name another directory, or remove these files",
  });
}
