/** `sealflow runs logs`. */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { setTimeout as sleep } from "node:timers/promises";
import type { Store } from "@sealflow/engine";
import { type Identity, openArtifact } from "@sealflow/seal";
import { piecesOfFile } from "@sealflow/seal/node";
import { logKeys } from "../confidential/log-keys.js";
import type { CliContext } from "../context.js";
import { identitiesOf, unlockKey } from "../keys/keyring.js";
import { systemCode } from "../load/read-file.js";
import { openProjectStore, resolveRunId } from "../project/run-reference.js";
import { type LogKeys, SealedLogLines } from "../render/sealed-log.js";
import type { LogsFlags } from "../routes/runs.js";
import { targetOf, withSession } from "./target.js";
import { unknownTask } from "./unknown-task.js";

/** One attempt's log and how much of it was shown. */
interface Source {
  readonly task: string;
  readonly file: string;
  shown: number;
  /** Start of a line whose end is not yet written. */
  rest: string;
  readonly decoder: StringDecoder;
  /** Logs of confidential pods come as text. */
  readonly armored: SealedLogLines;
}

const pollMs = 200;

/** Prints logs, each line with its task's path when there are several; with `follow` until the run has ended. */
export async function showLogs(
  context: CliContext,
  flags: LogsFlags,
  reference: string,
  task?: string,
): Promise<void> {
  const target = await targetOf(context, flags.on);
  if (target.kind === "remote") {
    const { printRemoteLogs } = await import("./remote-runs.js");
    const { follow, attempt } = flags;
    return withSession(context, target, (session) =>
      printRemoteLogs(context, session, { reference, task, attempt, follow, keys: logKeys(context, flags) }),
    );
  }
  const store = await openProjectStore(context, flags.store);
  const runId = resolveRunId(store, reference);
  const sources = new Map<string, Source>();
  const keys = logKeys(context, flags);
  const unseal = unsealing(context, flags);
  let stopped = false;
  const release = context.onInterrupt(() => {
    stopped = true;
  });
  try {
    for (;;) {
      const running = store.isRunning(runId);
      findSources(store, { runId, task, attempt: flags.attempt, keys }, sources);
      if (task !== undefined && sources.size === 0 && !(flags.follow && running))
        throw unknownTask(runId, task, pathsOf(store, runId));
      const last = stopped || !flags.follow || !running;
      for (const source of sources.values()) {
        await printNew(context, source, { prefix: task === undefined, last, unseal });
      }
      if (last) return;
      await sleep(pollMs);
    }
  } finally {
    release();
  }
}

interface Wanted {
  readonly runId: string;
  readonly task: string | undefined;
  readonly attempt: number | undefined;
  readonly keys: LogKeys;
}

function findSources(store: Store, wanted: Wanted, sources: Map<string, Source>): void {
  for (const event of store.readEvents(wanted.runId)) {
    if (event.type !== "task-started") continue;
    if (wanted.task !== undefined && event.path !== wanted.task) continue;
    if (wanted.attempt !== undefined && event.attempt !== wanted.attempt) continue;
    const file = store.logPath(wanted.runId, event.path, event.attempt);
    if (sources.has(file)) continue;
    const armored = new SealedLogLines(wanted.keys);
    const decoder = new StringDecoder("utf8");
    sources.set(file, { task: event.path, file, shown: 0, rest: "", decoder, armored });
  }
}

interface Printing {
  readonly prefix: boolean;
  readonly last: boolean;
  readonly unseal: (file: string) => Promise<string>;
}

async function printNew(context: CliContext, source: Source, how: Printing): Promise<void> {
  const fresh = source.shown === 0 && isSealed(source.file) ? await unsealed(source, how) : readOn(source);
  const lines = (source.rest + fresh).split("\n");
  source.rest = lines.pop() ?? "";
  if (how.last && source.rest !== "") lines.push(source.rest);
  const shown: string[] = [];
  for (const line of lines) shown.push(...(await source.armored.line(line)));
  const head = how.prefix ? `${source.task} | ` : "";
  if (shown.length > 0) context.process.stdout.write(shown.map((line) => `${head}${line}\n`).join(""));
}

/** A sealed log appears whole, when its task has ended. */
async function unsealed(source: Source, { unseal }: Printing): Promise<string> {
  source.shown = statSync(source.file).size;
  return unseal(source.file);
}

function isSealed(file: string): boolean {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, "r");
    const buffer = Buffer.alloc(8);
    return readSync(descriptor, buffer, 0, 8, 0) === 8 && buffer.toString("latin1") === "SEALFLOW";
  } catch (error) {
    if (systemCode(error) === "ENOENT") return false;
    throw error;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Opens sealed logs with the project's key, which is unlocked once. */
function unsealing(context: CliContext, flags: LogsFlags): (file: string) => Promise<string> {
  let identities: Promise<Identity[]> | undefined;
  return async (file) => {
    identities ??= unlockKey(context, flags).then(identitiesOf);
    const { plaintext } = await openArtifact(piecesOfFile(file), {
      unlock: { identities: await identities },
    });
    const pieces: Uint8Array[] = [];
    for await (const piece of plaintext) pieces.push(piece);
    return Buffer.concat(pieces).toString("utf8");
  };
}

function readOn(source: Source): string {
  let descriptor: number | undefined;
  let text = "";
  try {
    descriptor = openSync(source.file, "r");
    const buffer = Buffer.alloc(1 << 16);
    for (;;) {
      const read = readSync(descriptor, buffer, 0, buffer.length, source.shown);
      if (read === 0) return text;
      source.shown += read;
      text += source.decoder.write(buffer.subarray(0, read));
    }
  } catch (error) {
    if (systemCode(error) === "ENOENT") return text;
    throw error;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function pathsOf(store: Store, runId: string): string[] {
  const run = store.getRun(runId);
  return [...run.tasks.map(({ path }) => path), ...run.running];
}
