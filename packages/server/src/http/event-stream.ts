/** Server-sent events (WHATWG HTML, section 9.2): written as fast as the reader reads, kept alive while nothing happens. */

/** One message. Text without line breaks. */
export interface Message {
  readonly id: string;
  readonly event: string;
  readonly data: unknown;
}

/** Silence after which a comment is sent, in milliseconds: proxies end connections that say nothing. */
const KEEP_ALIVE_MS = 15_000;

/** Waiting time that a browser is told for its next try, in milliseconds. */
const RETRY_MS = 1000;

/**
 * An answer that streams messages until the generator ends or the reader leaves.
 *
 * @param messages Makes the messages; its signal aborts when the reader has left or the server stops.
 * @param stopping Aborts when the server stops.
 */
export function eventStream(
  messages: (signal: AbortSignal) => AsyncGenerator<readonly Message[]>,
  stopping: AbortSignal,
): Response {
  const left = new AbortController();
  const signal = AbortSignal.any([left.signal, stopping]);
  const source = messages(signal);
  const encoder = new TextEncoder();
  let pending: Promise<IteratorResult<readonly Message[]>> | undefined;
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encoder.encode(`retry: ${RETRY_MS}\n\n`)),
    pull: async (controller) => {
      pending ??= source.next();
      const next = await within(pending, KEEP_ALIVE_MS);
      if (next === undefined) {
        controller.enqueue(encoder.encode(": still here\n\n"));
        return;
      }
      pending = undefined;
      if (next.done) controller.close();
      else controller.enqueue(encoder.encode(next.value.map(messageText).join("")));
    },
    cancel: async () => {
      left.abort();
      await source.return(undefined);
    },
  });
  return new Response(stream, {
    headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no" },
  });
}

function messageText({ id, event, data }: Message): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** What a promise gives, or undefined when that takes too long. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
    timer.unref();
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
