/** Errors for people and programs. */
import { type ErrorBody, type ErrorLocation, isSealflowError } from "@sealflow/core";
import { type CliContext, wantsColour } from "../context.js";
import { exitCodeForError } from "../exit-code.js";
import { type Style, styleFor } from "./style.js";
import { visible } from "./text.js";

/** The JSON form of anything thrown. */
export function errorBodyOf(error: unknown): ErrorBody {
  if (isSealflowError(error)) return error.toJSON();
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: "CLI_INTERNAL",
    message: `unexpected: ${message}`,
    hint: "set SEALFLOW_DEBUG=1 for the stack, and report it",
  };
}

/** `file:line:column, path`, or undefined when nothing is known. */
export function formatLocation(where: ErrorLocation | undefined): string | undefined {
  if (where === undefined) return undefined;
  const position = [where.file, where.line, where.line === undefined ? undefined : where.column]
    .filter((part) => part !== undefined)
    .join(":");
  const parts = [position, where.path].filter((part) => part !== undefined && part !== "");
  return parts.length > 0 ? parts.join(", ") : undefined;
}

/** `error[CODE]: message`, `where:` and `hint:` lines, then each finding indented. Ends with a line break. */
export function formatError(error: ErrorBody, style: Style): string {
  return `${lines(error, style, (code) => style.red(`error[${code}]`)).join("\n")}\n`;
}

/** As an error, for what is missing and does not change how a run ended. */
export function formatWarning(warning: ErrorBody, style: Style): string {
  return `${lines(warning, style, (code) => style.yellow(`warning[${code}]`)).join("\n")}\n`;
}

function lines(error: ErrorBody, style: Style, head: (code: string) => string): string[] {
  const where = formatLocation(error.where);
  const findings = (error.findings ?? []).flatMap((finding) =>
    lines(finding, style, head).map((line) => `  ${line}`),
  );
  const traceback = error.data?.traceback;
  return [
    `${head(visible(error.code))}: ${visible(error.message)}`,
    ...(where === undefined ? [] : [`${style.dim("where:")} ${visible(where)}`]),
    ...(typeof traceback === "string"
      ? traceback
          .trimEnd()
          .split("\n")
          .map((line) => `  ${visible(line)}`)
      : []),
    ...(error.hint === undefined ? [] : [`${style.cyan("hint:")} ${visible(error.hint)}`]),
    ...findings,
  ];
}

/** Writes an error to standard error, and with `json` as `{"error": …}` to standard output; returns the exit code. */
export function reportError(context: CliContext, error: unknown, json: boolean): number {
  const { stdout, stderr, env } = context.process;
  const body = errorBodyOf(error);
  stderr.write(formatError(body, styleFor(wantsColour(stderr, env))));
  if (env.SEALFLOW_DEBUG && error instanceof Error) stderr.write(`${error.stack}\n`);
  if (json) stdout.write(`${JSON.stringify({ error: body })}\n`);
  return exitCodeForError(body.code);
}
