/** Commands that serve until they are interrupted, run in this process. */
import { cli, type FakeOptions, type Outcome } from "./fake-context.js";

/** A command that goes on. */
export interface Serving {
  /** What it printed first, as JSON. */
  readonly said: Record<string, string>;
  stop(): Promise<Outcome>;
}

/** Starts a command and waits for its first line. */
export async function serving(args: readonly string[], options: FakeOptions): Promise<Serving> {
  let interrupt = () => {};
  let heard: (text: string) => void = () => {};
  const first = new Promise<string>((resolve) => {
    heard = resolve;
  });
  const done = cli([...args, "--json"], {
    ...options,
    now: Date.now,
    onContext: (context) => {
      interrupt = () => context.interrupt();
      const { stdout } = context.process;
      const { write } = stdout;
      Object.assign(stdout, {
        write: (text: string) => {
          write.call(stdout, text);
          heard(text);
        },
      });
    },
  });
  const ended = done.then(({ stderr }) => {
    throw new Error(`${args.join(" ")}: ${stderr}`);
  });
  ended.catch(() => {});
  const said = JSON.parse(await Promise.race([first, ended])) as Record<string, string>;
  return {
    said,
    stop: () => {
      interrupt();
      return done;
    },
  };
}
