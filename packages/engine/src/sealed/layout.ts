/** Where sealed runs keep what is theirs in a store. */
import { join } from "node:path";
import type { StoreLayout } from "../store/layout.js";

/** Paths of a store's sealed part. */
export interface SealedLayout {
  /** Anchors of the project, sealed to its key. */
  readonly root: string;
  readonly policy: string;
  /** The broker's records, encrypted. */
  readonly records: string;
  readonly checkpoint: string;
  /** External inputs by a keyed hash of their content: digests of their sealed artifacts. */
  readonly inputs: string;
}

/** The paths of a store. */
export function sealedLayout(store: StoreLayout): SealedLayout {
  const directory = join(store.directory, "trust");
  return {
    root: join(directory, "root.sealed"),
    policy: join(directory, "policy.json"),
    records: join(directory, "broker.log"),
    checkpoint: join(directory, "checkpoint.json"),
    inputs: join(directory, "inputs"),
  };
}
