import { readFileSync } from "node:fs";
import { fromUtf8, isJsonObject, type JsonValue, SealflowError } from "@sealflow/core";
import type { RunEvent } from "../events.js";
import { systemCode } from "./disk-errors.js";
import { STORE_FORMAT } from "./layout.js";

/** A journal's content. */
export interface JournalContent {
  readonly events: RunEvent[];
  /** Bytes up to and including the last whole line. */
  readonly bytes: number;
  /** True when bytes follow the last whole line: the writer died in the middle of a write. */
  readonly torn: boolean;
}

/**
 * Reads a journal. An unfinished last line is left out: what was being written was not yet reported to anybody.
 *
 * @throws SealflowError `ENGINE_JOURNAL_DAMAGED` for a whole line that is not an event or is out of order,
 *   `ENGINE_STORE_FORMAT` for a journal of a later version, `ENGINE_RUN_UNKNOWN` when there is none.
 */
export function readJournal(path: string): JournalContent {
  const content = read(path);
  const bytes = content.lastIndexOf(0x0a) + 1;
  const events: RunEvent[] = [];
  for (let start = 0; start < bytes; ) {
    const end = content.indexOf(0x0a, start);
    events.push(parseLine(path, content.subarray(start, end), events.length + 1));
    start = end + 1;
  }
  return { events, bytes, torn: bytes < content.length };
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    if (systemCode(cause) !== "ENOENT") throw cause;
    throw new SealflowError({
      code: "ENGINE_RUN_UNKNOWN",
      message: `run: expected a journal at ${path}, got nothing`,
      where: { file: path },
      cause,
    });
  }
}

/** The first event of a journal without reading the rest; undefined when there is no whole line yet. */
export function parseFirstEvent(path: string, head: Buffer): RunEvent | undefined {
  const end = head.indexOf(0x0a);
  return end < 0 ? undefined : parseLine(path, head.subarray(0, end), 1);
}

function parseLine(path: string, line: Uint8Array, number: number): RunEvent {
  const event = decode(path, line, number);
  if (!isJsonObject(event) || typeof event.type !== "string" || typeof event.time !== "number") {
    throw damaged(path, number, "expected an event");
  }
  if (event.seq !== number) {
    throw damaged(path, number, `expected event ${number}, got ${JSON.stringify(event.seq)}`);
  }
  if (number === 1) requireFormat(path, event.formatVersion);
  // The border where the file's JSON becomes typed: only this program's journals pass the checks above.
  return event as unknown as RunEvent;
}

function decode(path: string, line: Uint8Array, number: number): JsonValue {
  try {
    return JSON.parse(fromUtf8(line)) as JsonValue;
  } catch (cause) {
    throw damaged(path, number, "expected JSON", cause);
  }
}

function requireFormat(path: string, version: JsonValue | undefined): void {
  if (version === STORE_FORMAT) return;
  throw new SealflowError({
    code: "ENGINE_STORE_FORMAT",
    message: `journal: expected format version ${STORE_FORMAT}, got ${JSON.stringify(version ?? null)}`,
    where: { file: path },
    hint: "A later version of Sealflow wrote this run: use that version to read it.",
  });
}

function damaged(path: string, line: number, what: string, cause?: unknown): SealflowError {
  return new SealflowError({
    code: "ENGINE_JOURNAL_DAMAGED",
    message: `journal: ${what}`,
    where: { file: path, line },
    hint: "The file was changed by something else than Sealflow; restore it or delete the run.",
    ...(cause === undefined ? {} : { cause }),
  });
}
