/** Asks for layouts, one after the other; only the latest answer counts. */
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Drawing, Shape } from "./layout.js";

/** Draws shapes in a worker. */
export class Layouts {
  private readonly found: Signal<Drawing | undefined> = signal(undefined);
  private readonly worker: Worker;
  private asked = 0;
  private key = "";

  constructor() {
    this.worker = new Worker(new URL("./layout.worker.ts", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }: MessageEvent<{ id: number; drawing: Drawing }>) => {
      if (data.id === this.asked) this.found.value = data.drawing;
    };
  }

  /** The latest drawing; undefined until there is one. */
  get drawing(): ReadonlySignal<Drawing | undefined> {
    return this.found;
  }

  /** Has a shape drawn, unless it is the one that is drawn. */
  draw(shape: Shape): void {
    const key = JSON.stringify(shape);
    if (key === this.key) return;
    this.key = key;
    this.asked += 1;
    this.worker.postMessage({ id: this.asked, shape });
  }

  stop(): void {
    this.worker.terminate();
  }
}
