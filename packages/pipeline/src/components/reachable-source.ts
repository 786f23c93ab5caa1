/** What of an embedded source one of its components can reach: a change elsewhere can't change what it does. */
import { embeddedParts } from "./bundle.js";
import type { LocalModule } from "./component-file.js";
import { topLevelStatements } from "./python-statements.js";

const NAME = /[\p{L}_][\p{L}\p{N}_]*/gu;
/** An import, also of several lines; and names after a dot, as modules have in their packages. */
const IMPORT = /\b(?:from\b[^\n;]*?\b)?import\b(?:\s*\([^)]*\)|(?:[^\n;\\]|\\\r?\n)*)/g;
const AFTER_DOT = /\.\s*[\p{L}_][\p{L}\p{N}_]*/gu;
/** Comments stand above the statements that they belong to. */
const FUNCTION = /^(?:#.*\n)*(?:async\s+)?def\s+([\p{L}_][\p{L}\p{N}_]*)/u;
/** As the end of an embedded source has it for parameters that are literals. */
const ANNOTATION = /^(?:#.*\n)*([\p{L}_][\p{L}\p{N}_]*)\.__annotations__\[/u;
/** The list of exports, and documentation: they name much and do nothing. */
const INERT = /^(?:#.*\n)*(?:__all__\s*(?::|\+?=)|["'])/;
/** Code that finds names which nobody can read in its text. */
const DYNAMIC =
  /\b(?:globals|vars|importlib|__import__|exec|eval|pkgutil|runpy|inspect)\b|\bsys\s*\.\s*modules\b/;

/**
 * The part of an embedded source that decides what the function does, as text for digests, not for execution: the
 * function, the functions and modules that it names directly or through one another, and all else that runs on import.
 * Names count wherever they stand, in strings too, so that too much is kept rather than too little. Where code may find
 * others by computed names, or where the text can't be cut, the whole source is returned.
 */
export function reachableSource(source: string, functionName: string): string {
  const parts = embeddedParts(source);
  const statements = parts && topLevelStatements(parts.text);
  if (parts === undefined || statements === undefined) return source;
  const kept = reachedStatements(statements, functionName);
  if (kept === undefined) return source;
  const modules = reachedModules(parts.modules, kept);
  const texts = [...kept, ...modules.map(({ text }) => text)];
  if (texts.some((text) => DYNAMIC.test(text))) return source;
  return JSON.stringify({ modules: modules.map(({ name, text }) => [name, text]), statements: kept });
}

/** Undefined when the function is not there. */
function reachedStatements(statements: readonly string[], functionName: string): string[] | undefined {
  const owners = statements.map((text) => (FUNCTION.exec(text) ?? ANNOTATION.exec(text))?.[1]);
  if (!statements.some((text) => FUNCTION.exec(text)?.[1] === functionName)) return undefined;
  const reached = new Set([functionName]);
  const kept = new Set<number>();
  for (let before = -1; before !== kept.size; ) {
    before = kept.size;
    statements.forEach((text, index) => {
      const owner = owners[index];
      if (kept.has(index) || INERT.test(text) || (owner !== undefined && !reached.has(owner))) return;
      kept.add(index);
      for (const name of namesIn(text)) reached.add(name);
    });
  }
  return statements.filter((_, index) => kept.has(index));
}

/** Modules whose last name a kept text imports or has after a dot, with the packages that they are in. */
function reachedModules(modules: readonly LocalModule[], texts: readonly string[]): readonly LocalModule[] {
  const named = new Set(texts.flatMap(moduleNamesIn));
  const kept = new Set<LocalModule>();
  const keep = (module: LocalModule) => {
    if (kept.has(module)) return;
    kept.add(module);
    for (const name of moduleNamesIn(module.text)) named.add(name);
  };
  for (let before = -1; before !== kept.size; ) {
    before = kept.size;
    for (const module of modules) {
      const inside = [...kept].some(({ name }) => name.startsWith(`${module.name}.`));
      if (inside || named.has(module.name.split(".").at(-1) ?? "")) keep(module);
    }
  }
  return modules.filter((module) => kept.has(module));
}

function moduleNamesIn(text: string): string[] {
  return [...(text.match(IMPORT) ?? []), ...(text.match(AFTER_DOT) ?? [])].flatMap(namesIn);
}

function namesIn(text: string): string[] {
  return text.match(NAME) ?? [];
}
