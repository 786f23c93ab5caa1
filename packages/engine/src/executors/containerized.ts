/**
 * Containerized Python components: their code is in an image, not in the spec. Where the directory that the image was
 * built from is at hand, they run from it without the image. Source: `kfp component build` writes into that directory
 * what its images hold: `kfp_config.ini` with each component's file, and `runtime-requirements.txt`.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import type { Digest } from "@sealflow/core";
import type { ContainerExecutor } from "@sealflow/pipeline";
import type { EnvironmentNeeds } from "../environments/environment.js";
import { needsRealKfp } from "./kfp-use.js";

/** A component in a directory. */
export interface DirectoryComponent {
  readonly file: string;
  readonly source: string;
  readonly function: string;
  readonly needs: EnvironmentNeeds;
  /** Digest of all Python files of the directory: any of them may be imported. */
  readonly digest: Digest;
}

/** Name of the function that a container without a source runs; undefined for other containers. */
export function containerizedFunction({ command = [], args = [] }: ContainerExecutor): string | undefined {
  const words = [...command, ...args];
  if (words[1] !== "-m" || words[2] !== "kfp.dsl.executor_main") return undefined;
  return words[words.indexOf("--function_to_execute") + 1];
}

/** The component behind a function's name, from the directory's own list; undefined when it is not there. */
export function directoryComponent(directory: string, name: string): DirectoryComponent | undefined {
  const config = join(directory, "kfp_config.ini");
  if (!existsSync(config)) return undefined;
  const file = componentFiles(readFileSync(config, "utf8")).get(name);
  if (file === undefined) return undefined;
  const path = resolve(directory, file);
  const source = readFileSync(path, "utf8");
  const requirements = join(directory, "runtime-requirements.txt");
  const lines = existsSync(requirements) ? readFileSync(requirements, "utf8").split("\n") : [];
  const wanted = lines.map((line) => line.replace(/(^|\s)#.*$/, "").trim()).filter((line) => line !== "");
  const kept = needsRealKfp(source) ? wanted : wanted.filter((line) => !/^kfp\s*(==|$)/.test(line));
  const installations = kept.length === 0 ? [] : [{ requirements: kept, noDependencies: false }];
  const needs = { installations, indexUrls: [], trustedHosts: [] };
  return { file: path, source, function: name, needs, digest: digestOfPython(directory) };
}

/** Files of the section `[Components]`, by function. */
function componentFiles(text: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  let section = "";
  for (const line of text.split(/\r?\n/)) {
    section = /^\s*\[(.+)\]\s*$/.exec(line)?.[1] ?? section;
    const [, name, file] = /^\s*([^=:#;[\s]+)\s*[=:]\s*(.+?)\s*$/.exec(line) ?? [];
    if (section === "Components" && name !== undefined && file !== undefined) files.set(name, file);
  }
  return files;
}

function digestOfPython(directory: string): Digest {
  const hash = createHash("sha256");
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile() && each.name.endsWith(".py"))
    .map((each) => join(each.parentPath, each.name))
    .sort()) {
    const content = readFileSync(entry);
    hash.update(`${relative(directory, entry)}\0${content.length}\0`).update(content);
  }
  return `sha256:${hash.digest("hex")}`;
}
