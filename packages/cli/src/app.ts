/** The application: all routes, and the wording and exit codes of wrong usage. */
import {
  type ApplicationText,
  buildApplication,
  ExitCode,
  proposeCompletions,
  run,
  text_en,
} from "@stricli/core";
import type { CliContext } from "./context.js";
import { exitCode } from "./exit-code.js";
import { version } from "./index.js";
import { root } from "./routes/root.js";
import { usageText } from "./usage-text.js";

const text: ApplicationText = { ...text_en, ...usageText };

/** The parsed command tree; also read by completion and by the reference page's generator. */
export const app = buildApplication(root, {
  name: "sealflow",
  versionInfo: { currentVersion: version },
  scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: true },
  documentation: { caseStyle: "convert-camel-to-kebab", useAliasInUsageLine: false },
  localization: { text },
});

/** The parser's own exit codes, as this program documents them. */
function documentedExitCode(code: number): number {
  if (code === ExitCode.UnknownCommand || code === ExitCode.InvalidArgument) return exitCode.usage;
  return code < 0 ? exitCode.failed : code;
}

/**
 * Runs one command line to its end.
 *
 * @param args What follows the program's name.
 * @returns The exit code: 0 ok, 1 failed, 2 usage, 3 changes pending, 4 refused, 130 interrupted.
 */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  if (args[0] === "__complete") return proposeWords(args.slice(args[1] === "--" ? 2 : 1), context);
  await run(app, args, context);
  return documentedExitCode(context.process.exitCode ?? exitCode.ok);
}

/** What the shells' completion scripts call: prints one proposal per line; the last word is the one being typed. */
async function proposeWords(words: readonly string[], context: CliContext): Promise<number> {
  const proposals = await proposeCompletions(app, words, context);
  for (const { completion } of proposals) context.process.stdout.write(`${completion}\n`);
  return exitCode.ok;
}
