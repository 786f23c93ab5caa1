/**
 * Working directories of attempts. One that its task left empty serves the next task: making and removing directories is
 * the dearest thing that a small task would ask of the disk.
 */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { discard } from "../store/artifacts.js";
import { writing } from "../store/disk-errors.js";

/** A working directory with an empty directory for outputs in it. */
export interface Scratch {
  readonly directory: string;
  readonly outputs: string;
}

/** Hands out working directories of one run. */
export class ScratchSpace {
  private readonly root: string;
  private readonly free: Scratch[] = [];
  private counter = 0;

  /** @param root Exists, and holds nothing that matters. */
  constructor(root: string) {
    this.root = root;
  }

  /** @throws SealflowError `ENGINE_STORE_FULL`, `ENGINE_STORE_UNWRITABLE` */
  take(): Scratch {
    const clean = this.free.pop();
    if (clean !== undefined) return clean;
    const directory = join(this.root, String(++this.counter));
    const outputs = join(directory, "outputs");
    writing(outputs, () => mkdirSync(outputs, { recursive: true }));
    return { directory, outputs };
  }

  /** Takes a directory back; whatever is in it is gone afterwards. */
  give(scratch: Scratch): void {
    if (isClean(scratch)) this.free.push(scratch);
    else discard(scratch.directory);
  }
}

function isClean({ directory, outputs }: Scratch): boolean {
  try {
    const [only, more] = readdirSync(directory);
    return only === "outputs" && more === undefined && readdirSync(outputs).length === 0;
  } catch {
    return false;
  }
}
