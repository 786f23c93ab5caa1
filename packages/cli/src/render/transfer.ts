/** Bytes that go by: shown on a terminal, stopped by Ctrl-C. */
import { SealflowError } from "@sealflow/core";
import type { CliContext } from "../context.js";
import { formatBytes } from "./text.js";

const intervalMs = 200;

/** A watch over streams of one piece of work. */
export interface ByteWatch {
  /** Passes pieces on and counts them. @throws SealflowError `CLI_INTERRUPTED` after Ctrl-C */
  readonly pieces: (source: AsyncGenerator<Uint8Array>) => AsyncGenerator<Uint8Array>;
  readonly stop: () => void;
}

/** Watches. Nothing is shown where standard error is no terminal. */
export function watchBytes(
  context: CliContext,
  { what, total }: { readonly what: string; readonly total: number | undefined },
): ByteWatch {
  const { stderr } = context.process;
  let done = 0;
  let interrupted = false;
  let shown = false;
  const release = context.onInterrupt(() => {
    interrupted = true;
  });
  const show = () => {
    shown = true;
    const share =
      total === undefined || total === 0 ? "" : ` ${Math.min(100, Math.floor((100 * done) / total))} %`;
    stderr.write(`\r\u001b[K${what}${share} ${formatBytes(done)}`);
  };
  const timer = stderr.isTTY === true ? setInterval(show, intervalMs).unref() : undefined;
  return {
    pieces: async function* (source) {
      for await (const piece of source) {
        if (interrupted)
          throw new SealflowError({ code: "CLI_INTERRUPTED", message: `${what}: interrupted` });
        done += piece.length;
        yield piece;
      }
    },
    stop: () => {
      clearInterval(timer);
      release();
      if (shown) stderr.write("\r\u001b[K");
    },
  };
}
