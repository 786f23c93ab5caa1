/** `sealflow ui`. */
import { isSealflowError } from "@sealflow/core";
import { openStore } from "@sealflow/engine";
import { findServer, type RunningServer, type ServerOptions, startServer } from "@sealflow/server";
import { type CliContext, wantsColour } from "../context.js";
import { exitCode } from "../exit-code.js";
import { findProject, storeDirectory } from "../project/project.js";
import { resolveRunId } from "../project/run-reference.js";
import { styleFor } from "../render/style.js";
import type { UiFlags } from "../routes/ui.js";
import { openBrowser } from "./open-browser.js";
import { tell, untilInterrupted } from "./serve.js";

const USUAL_PORT = 8888;

/** Shows the pages of the project's server; where none is there, it is this process until it is interrupted. */
export async function ui(context: CliContext, flags: UiFlags, run?: string): Promise<number> {
  const project = await findProject(context.cwd);
  const directory = storeDirectory(context, project, flags.store);
  const path =
    run === undefined ? "/" : `/runs/${encodeURIComponent(resolveRunId(openStore(directory), run))}`;
  const found = await findServer(directory);
  if (found !== undefined) {
    await show(context, flags, { url: found + path, started: false });
    return exitCode.ok;
  }
  const { concurrency } = project.config;
  const server = await startAnywhere({
    directory,
    baseDirectory: project.directory,
    ...(flags.port === undefined ? {} : { port: flags.port }),
    engine: {
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(flags.allowHostCommands ? { containers: "host" as const } : {}),
    },
    log: { log: (level, message) => tell(context, level, message) },
  });
  const interrupted = untilInterrupted(context);
  await show(context, flags, { url: server.url + path, started: true });
  await interrupted;
  if (!flags.json) context.process.stderr.write("stopping\n");
  await server.close();
  return exitCode.ok;
}

/** The usual port, or any when another program has it and nobody asked for a certain one. */
async function startAnywhere(options: ServerOptions): Promise<RunningServer> {
  try {
    return await startServer({ port: USUAL_PORT, ...options });
  } catch (error) {
    const taken = isSealflowError(error) && error.code === "SERVER_ADDRESS_UNAVAILABLE";
    if (!taken || options.port !== undefined) throw error;
    return startServer({ ...options, port: 0 });
  }
}

async function show(
  context: CliContext,
  flags: UiFlags,
  { url, started }: { url: string; started: boolean },
): Promise<void> {
  const { stdout, env } = context.process;
  if (flags.json) {
    stdout.write(`${JSON.stringify({ url, started })}\n`);
    return;
  }
  const style = styleFor(wantsColour(stdout, env));
  stdout.write(`${style.bold(url)}\n`);
  const opened = flags.noOpen ? false : await openBrowser(url, env);
  if (opened) stdout.write(`${style.dim("Opened in your browser")}\n`);
  if (started) stdout.write(`${style.dim("Serving until Ctrl-C")}\n`);
}
