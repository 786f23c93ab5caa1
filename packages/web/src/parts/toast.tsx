/** Short messages about what was done or was not. */
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { messageOf } from "../api/client.js";
import { Icon } from "./icon.js";

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly bad: boolean;
}

const SHOWN_MS = 6000;
const toasts = signal<readonly Toast[]>([]);
let last = 0;

/** Says something. Errors stay until they are closed. */
export function say(text: string, { bad = false }: { bad?: boolean } = {}): void {
  last += 1;
  const id = last;
  toasts.value = [...toasts.value.slice(-3), { id, text, bad }];
  if (!bad) setTimeout(() => close(id), SHOWN_MS);
}

/** Does something and says why it did not work. True when it did. */
export async function attempt(work: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await work();
    if (done !== undefined) say(done);
    return true;
  } catch (error) {
    say(messageOf(error), { bad: true });
    return false;
  }
}

function close(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

/** Where messages appear. */
export function Toasts(): JSX.Element {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text, bad }) => (
        <div key={id} class={bad ? "toast bad" : "toast"}>
          <span class="grow">{text}</span>
          <button type="button" class="icon-button" onClick={() => close(id)} aria-label="Close message">
            <Icon name="cross" />
          </button>
        </div>
      ))}
    </div>
  );
}
