/** Limits on what one caller can cost: requests per second and size of bodies. */
import type { Clock } from "@sealflow/core";
import type { MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { invalid } from "./problem.js";

/** Largest request body in bytes. Source: kubeflow/pipelines, `MaxFileLength` of its upload server. */
export const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** Callers that are remembered; when there are more, all start anew. */
const MOST_CALLERS = 10_000;

/** Refuses bodies over the limit, also those that do not say their length. */
export function limitBodies(maxSize: number): MiddlewareHandler {
  return bodyLimit({
    maxSize,
    onError: () => {
      throw invalid("SERVER_BODY_TOO_LARGE", `body: expected at most ${maxSize} bytes, got more`);
    },
  });
}

/**
 * Refuses callers that ask more often than `perSecond` for longer than a burst of ten seconds' worth.
 *
 * @param callerOf Names the caller of a request, for example by its address.
 */
export function limitRate(
  perSecond: number,
  clock: Clock,
  callerOf: (environment: unknown) => string,
): MiddlewareHandler {
  const burst = perSecond * 10;
  const buckets = new Map<string, { left: number; at: number }>();
  return async (c, next) => {
    const caller = callerOf(c.env);
    const now = clock.now();
    const bucket = buckets.get(caller) ?? { left: burst, at: now };
    const left = Math.min(burst, bucket.left + (Math.max(0, now - bucket.at) * perSecond) / 1000);
    if (buckets.size >= MOST_CALLERS && !buckets.has(caller)) buckets.clear();
    buckets.set(caller, { left: Math.max(0, left - 1), at: now });
    if (left < 1) {
      c.header("Retry-After", "1");
      throw invalid("SERVER_RATE_LIMITED", `requests: expected at most ${perSecond} per second, got more`);
    }
    await next();
  };
}
