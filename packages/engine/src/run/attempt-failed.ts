import type { ErrorBody } from "@sealflow/core";

/** An attempt whose task failed by itself: what a retry policy is for. */
export class AttemptFailed extends Error {
  readonly body: ErrorBody;
  readonly usage: { readonly maxRssBytes?: number; readonly cpuMs?: number };

  constructor(body: ErrorBody, usage: AttemptFailed["usage"]) {
    super(body.message);
    this.body = body;
    this.usage = usage;
  }
}
