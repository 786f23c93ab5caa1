/** What an apply or destroy tells while it goes on. */
import type { ErrorBody } from "@sealflow/core";
import type { Action } from "../plan/types.js";

/** One thing that happened. Times are milliseconds since the epoch. */
export type ApplyEvent =
  | { readonly type: "resuming"; readonly time: number; readonly address: string; readonly sinceMs: number }
  | { readonly type: "started"; readonly time: number; readonly address: string; readonly action: Action }
  /** Something worth a line inside a step: a conflict waited out, a pool drained. */
  | { readonly type: "note"; readonly time: number; readonly address: string; readonly message: string }
  | {
      readonly type: "finished";
      readonly time: number;
      readonly address: string;
      readonly action: Action;
      readonly elapsedMs: number;
    }
  | {
      readonly type: "failed";
      readonly time: number;
      readonly address: string;
      readonly elapsedMs: number;
      readonly error: ErrorBody;
    }
  | { readonly type: "skipped"; readonly time: number; readonly address: string; readonly because: string };

/** Distributes over the union. */
type Untimed<T> = T extends unknown ? Omit<T, "time"> : never;

/** An event before it is given its time. */
export type ApplyEventBody = Untimed<ApplyEvent>;
