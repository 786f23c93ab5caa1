/** `sealflow serve`. */
import type { LogLevel } from "@sealflow/core";
import { type RunningServer, startServer } from "@sealflow/server";
import { type CliContext, wantsColour } from "../context.js";
import { exitCode } from "../exit-code.js";
import { findProject, storeDirectory } from "../project/project.js";
import { styleFor } from "../render/style.js";
import { visible } from "../render/text.js";
import type { ServeFlags } from "../routes/serve.js";

/** Serves until it is interrupted; a second interrupt does not wait for what is being put away. */
export async function serve(context: CliContext, flags: ServeFlags): Promise<number> {
  const project = await findProject(context.cwd);
  const concurrency = flags.concurrency ?? project.config.concurrency;
  const server = await startServer({
    directory: storeDirectory(context, project, flags.store),
    baseDirectory: project.directory,
    allowedHosts: flags.allowHost ?? [],
    requireToken: flags.requireToken,
    newToken: flags.newToken,
    ...(flags.host === undefined ? {} : { host: flags.host }),
    ...(flags.port === undefined ? {} : { port: flags.port }),
    ...(flags.runs === undefined ? {} : { concurrentRuns: flags.runs }),
    engine: {
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(flags.allowHostCommands ? { containers: "host" as const } : {}),
    },
    log: { log: (level, message) => tell(context, level, message) },
  });
  const interrupted = untilInterrupted(context);
  announce(context, flags, server);
  await interrupted;
  if (!flags.json) context.process.stderr.write("stopping\n");
  await server.close();
  return exitCode.ok;
}

/** Resolves at the first interrupt; a second one ends the process at once. */
export function untilInterrupted(context: CliContext): Promise<void> {
  return new Promise((resolve) => {
    let times = 0;
    context.onInterrupt(() => {
      times += 1;
      if (times > 1) context.exit(exitCode.interrupted);
      resolve();
    });
  });
}

function announce(
  context: CliContext,
  flags: ServeFlags,
  { url, freshToken, tokenRequired }: RunningServer,
): void {
  const { stdout, env } = context.process;
  if (flags.json) {
    const token = freshToken === undefined ? {} : { token: freshToken };
    stdout.write(`${JSON.stringify({ url, tokenRequired, ...token })}\n`);
    return;
  }
  const style = styleFor(wantsColour(stdout, env));
  stdout.write(`${style.bold("Serving")} ${url}\n`);
  stdout.write(`${style.dim(`kfp.Client(host="${url}"${tokenRequired ? ", existing_token=…" : ""})`)}\n`);
  if (freshToken !== undefined) {
    stdout.write(`Token, shown this once: ${style.bold(freshToken)}\n`);
  } else if (tokenRequired) {
    stdout.write("Requests need the token that an earlier start showed; --new-token makes a new one\n");
  }
  if (tokenRequired && url.startsWith("http:") && !url.includes("//127.")) {
    stdout.write("Nothing is encrypted on the way: put TLS in front where the network is not yours\n");
  }
}

/** Warnings and errors of the server, for people. */
export function tell({ process: { stderr } }: CliContext, level: LogLevel, message: string): void {
  if (level === "warn" || level === "error") stderr.write(`${level}: ${visible(message)}\n`);
}
