/** Something that is read from the server: not there yet, there, or why not. */
import { type ReadonlySignal, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { isUnreachable } from "./client.js";

/** What is known. `stale`: an earlier answer, because the server does not answer now. */
export type Resource<T> =
  | { readonly state: "loading" }
  | { readonly state: "ready"; readonly value: T; readonly stale: boolean }
  | { readonly state: "failed"; readonly error: unknown };

/** A resource that reads itself, and how it is read again. */
export interface Reader<T> {
  readonly now: ReadonlySignal<Resource<T>>;
  readonly reload: () => void;
  /** Puts in what is known without asking, for example after an event. */
  readonly set: (value: T) => void;
  readonly stop: () => void;
}

/** How long to wait before a server that did not answer is asked again, in milliseconds. */
const AGAIN_MS = 2000;

/** Reads, and reads again until it has an answer. */
export function reader<T>(read: (signal: AbortSignal) => Promise<T>): Reader<T> {
  const now = signal<Resource<T>>({ state: "loading" });
  let abort = new AbortController();
  let again: ReturnType<typeof setTimeout> | undefined;
  const reload = (): void => {
    clearTimeout(again);
    abort.abort();
    abort = new AbortController();
    const { signal: own } = abort;
    read(own).then(
      (value) => {
        if (!own.aborted) now.value = { state: "ready", value, stale: false };
      },
      (error: unknown) => {
        if (own.aborted) return;
        const known = now.peek();
        if (known.state === "ready" && isUnreachable(error)) now.value = { ...known, stale: true };
        else now.value = { state: "failed", error };
        if (isUnreachable(error)) again = setTimeout(reload, AGAIN_MS);
      },
    );
  };
  const stop = (): void => {
    clearTimeout(again);
    abort.abort();
  };
  const set = (value: T): void => {
    now.value = { state: "ready", value, stale: false };
  };
  return { now, reload, set, stop };
}

/** A reader that lives as long as the component, anew when one of `keys` changes. */
export function useReader<T>(read: (signal: AbortSignal) => Promise<T>, keys: readonly unknown[]): Reader<T> {
  // The keys say when what `read` closes over has changed.
  const made = useMemo(() => reader(read), keys);
  useEffect(() => {
    made.reload();
    return made.stop;
  }, [made]);
  return made;
}
