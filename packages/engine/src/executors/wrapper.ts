/**
 * Recognising Python components by the command lines that compilers write around them: the source travels as an
 * argument, in front of it a shell line that installs packages. Run as it stands, that line would install with pip for
 * every task; read, it says what the component needs, and the engine provides that once.
 */
import { isDigest, SealflowError } from "@sealflow/core";
import type { ContainerExecutor } from "@sealflow/pipeline";
import type { EnvironmentNeeds, Installation } from "../environments/environment.js";
import { needsRealKfp } from "./kfp-use.js";
import { commandsOf } from "./shell-words.js";

/** A Python function that travels as source text. */
export interface PythonComponent {
  readonly source: string;
  readonly function: string;
  readonly needs: EnvironmentNeeds;
}

const executorModule = /\bkfp\.(dsl|components|v2\.components)\.executor_main\b/;

/**
 * The Python component behind a container's command line, or undefined for any other container.
 *
 * @throws SealflowError `ENGINE_REQUIREMENTS_UNSUPPORTED` for an installation line that can't be served
 */
export function pythonComponent(container: ContainerExecutor): PythonComponent | undefined {
  const words = container.command ?? [];
  const at = words.findIndex((word) => executorModule.test(word) && word.includes("$0"));
  const source = words[at + 1];
  if (at < 0 || source === undefined || at + 2 !== words.length) return undefined;
  const name = functionName(container.args ?? []);
  if (name === undefined) return undefined;
  // In front: `sh -c SCRIPT` any number of times, then `sh -ec` of the wrapper itself.
  const scripts = words.slice(0, at).filter((word) => /\bpip3? install\b/.test(word));
  return { source, function: name, needs: needsOf(scripts, source, container) };
}

function functionName(args: readonly string[]): string | undefined {
  const at = args.indexOf("--function_to_execute");
  return at < 0 ? undefined : args[at + 1];
}

function needsOf(scripts: readonly string[], source: string, container: ContainerExecutor): EnvironmentNeeds {
  const lines = scripts.flatMap(commandsOf).flatMap((words) => pipInstall(words) ?? []);
  const first = lines.find(({ indexUrls }) => indexUrls.length > 0);
  const withoutKfp = needsRealKfp(source) ? lines : lines.filter((line) => !isRuntimeOnly(line));
  const lock = container.env?.find(({ name }) => name === "SEALFLOW_LOCK_SHA256")?.value;
  const digest = lock === undefined ? undefined : lock.startsWith("sha256:") ? lock : `sha256:${lock}`;
  return {
    installations: withoutKfp.map(({ requirements, noDependencies }) => ({ requirements, noDependencies })),
    indexUrls: first?.indexUrls ?? [],
    trustedHosts: first?.trustedHosts ?? [],
    ...(digest !== undefined && isDigest(digest) ? { lock: digest } : {}),
  };
}

/** The line that compilers add for the component runtime; the engine brings its own runtime. */
function isRuntimeOnly({ requirements }: Installation): boolean {
  const others = requirements.filter((text) => !/^typing-extensions\b/.test(text));
  return others.length === 1 && /^kfp\s*==\s*[\w.!+-]+$/.test(others[0] ?? "");
}

interface PipInstall extends Installation {
  readonly indexUrls: readonly string[];
  readonly trustedHosts: readonly string[];
}

/** Options that change only what pip says or checks about itself. */
const quiet = new Set([
  "-q",
  "-qq",
  "-U",
  "--quiet",
  "--upgrade",
  "--user",
  "--no-input",
  "--no-cache-dir",
  "--no-warn-script-location",
  "--disable-pip-version-check",
  "--root-user-action=ignore",
  "--break-system-packages",
]);

function pipInstall(words: readonly string[]): PipInstall | undefined {
  const at = words.findIndex((word, i) => word === "install" && /^pip3?$/.test(words[i - 1] ?? ""));
  if (at < 0) return undefined;
  const found = { requirements: [] as string[], indexUrls: [] as string[], trustedHosts: [] as string[] };
  let noDependencies = false;
  const rest = words
    .slice(at + 1)
    .flatMap(splitOption)
    [Symbol.iterator]();
  for (let word = rest.next(); !word.done; word = rest.next()) {
    const option = word.value;
    if (option === "--index-url" || option === "-i") found.indexUrls.unshift(nextValue(rest, option));
    else if (option === "--extra-index-url") found.indexUrls.push(nextValue(rest, option));
    else if (option === "--trusted-host") found.trustedHosts.push(nextValue(rest, option));
    else if (option === "--no-deps") noDependencies = true;
    else if (option.startsWith("-")) requireQuiet(option);
    else found.requirements.push(option);
  }
  return { ...found, noDependencies };
}

/** `--option=value` as two words. */
function splitOption(word: string): string[] {
  const match = /^(--(?:index-url|extra-index-url|trusted-host))=(.*)$/.exec(word);
  return match === null ? [word] : match.slice(1);
}

function nextValue(words: Iterator<string>, option: string): string {
  const next = words.next();
  if (next.done === true) throw unsupported(option);
  return next.value;
}

function requireQuiet(option: string): void {
  if (!quiet.has(option)) throw unsupported(option);
}

function unsupported(option: string): SealflowError {
  return new SealflowError({
    code: "ENGINE_REQUIREMENTS_UNSUPPORTED",
    message: `component's pip line: the option ${option} has no meaning for an environment that is built once`,
    hint: "Leave the option out, or give the requirements as a lock.",
  });
}
