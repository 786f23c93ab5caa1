/** Live logs: the growing ends of the running tasks' files, read at intervals while somebody listens. */
import { closeSync, openSync, readSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import type { TaskPath } from "@sealflow/pipeline";
import type { LogChunk } from "../events.js";

const INTERVAL_MS = 150;
const CHUNK_BYTES = 64 * 1024;

interface Tail {
  readonly path: TaskPath;
  readonly attempt: number;
  readonly log: string;
  readonly decoder: StringDecoder;
  position: number;
}

/** Follows log files and hands over what is new. */
export class LogTails {
  private readonly tails = new Set<Tail>();
  private readonly onLog: ((chunk: LogChunk) => void) | undefined;
  private readonly buffer = Buffer.alloc(CHUNK_BYTES);
  private timer: NodeJS.Timeout | undefined;

  constructor(onLog: ((chunk: LogChunk) => void) | undefined) {
    this.onLog = onLog;
  }

  /** Follows a file, which need not exist yet. Call the result when the attempt has ended: it reads the rest. */
  follow(path: TaskPath, attempt: number, log: string): () => void {
    if (this.onLog === undefined) return () => {};
    const tail: Tail = { path, attempt, log, decoder: new StringDecoder("utf8"), position: 0 };
    this.tails.add(tail);
    this.timer ??= setInterval(() => this.readAll(), INTERVAL_MS).unref();
    return () => {
      this.read(tail);
      this.tails.delete(tail);
      if (this.tails.size === 0) clearInterval(this.timer);
      if (this.tails.size === 0) this.timer = undefined;
    };
  }

  private readAll(): void {
    for (const tail of this.tails) this.read(tail);
  }

  private read(tail: Tail): void {
    let fd: number | undefined;
    try {
      fd = openSync(tail.log, "r");
      for (;;) {
        const bytes = readSync(fd, this.buffer, 0, CHUNK_BYTES, tail.position);
        if (bytes === 0) return;
        tail.position += bytes;
        const text = tail.decoder.write(this.buffer.subarray(0, bytes));
        if (text !== "") this.onLog?.({ path: tail.path, attempt: tail.attempt, text });
      }
    } catch {
      // No file yet: the attempt has written nothing.
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }
}
